"""For the measurements that look at one server: Licorne by default, any peer by name."""

import contextlib
import pathlib
import sys
import tempfile

from . import env, proc, servers


def arguments(parser):
    names = ["licorne", *(p.name for p in servers.PEERS if p.kind == "wsgi")]
    parser.add_argument("--server", default="licorne", choices=names)
    parser.add_argument("--licorne", metavar="PATH", help="an interpreter that has licorne")


class Subject:
    """The server under measurement: knows its interpreter, starts it with flags of choice."""

    def __init__(self, args):
        self.name = args.server
        self.python, why_not = env.licorne_python(args.licorne)
        self.core_server, self.core_client = proc.cores()
        env.BUILD.mkdir(exist_ok=True)
        if self.name == "licorne":
            if self.python is None:
                raise SystemExit(f"licorne cannot be measured: {why_not}")
            self.peer = servers.licorne(self.python)
        else:
            missing = env.make_peers(self.python or sys.executable)
            self.peer = next(p for p in servers.PEERS if p.name == self.name)
            if why := self.peer.missing(missing):
                raise SystemExit(f"{self.name} cannot be measured: {why}")
            self.python = str(servers.BIN / "python")

    @property
    def speaks_gunicorn(self):
        return self.name.startswith(("licorne", "gunicorn"))

    def bare(self, argv, port):
        """Any command, started as servers are."""
        return self._start(argv, port)

    def start(self, target, *flags):
        """Context manager: the server, listening. Flags reach those who know Gunicorn's."""
        port = proc.free_port()
        argv = self.peer.argv(target, port)
        if self.speaks_gunicorn:
            argv = [*argv[:-1], *flags, argv[-1]]
        return self._start(argv, port)

    @contextlib.contextmanager
    def _start(self, argv, port):
        with tempfile.TemporaryDirectory(prefix="bench-") as temp:
            log = pathlib.Path(temp) / "server.log"
            environment = env.server_environment()
            try:
                with proc.Server(
                    argv, port, self.core_server, environment, env.BUILD, log
                ) as server:
                    yield server
            except proc.StartError as error:
                raise SystemExit(f"{self.name}: {env.clean(str(error))}") from None


def verdict(met, text):
    print(f"  {'ok  ' if met else 'MISS'} {text}")
    return met
