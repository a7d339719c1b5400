"""Starts a server under test and looks at it from outside.

The same tests run against licorne and against real gunicorn (LICORNE_SERVER_UNDER_TEST=gunicorn),
so that compatibility is measured and not assumed.  Everything known about the server comes from
outside: its sockets, its exit code, its log file, /proc.

    with Server(app="zoo:app", args=["--keep-alive", "2"]) as s:
        Client(s.address) ...

Environment: LICORNE_COMMAND (how to start licorne, default `python -m licorne`), LICORNE_SANITIZE=1
with LICORNE_PRELOAD (libraries to preload for a sanitizer build), LICORNE_TIME_FACTOR.
"""

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from support.clock import deadline, wait_until

TESTS = pathlib.Path(__file__).resolve().parent.parent
APPS = TESTS / "apps"

# What no server may ever write, whatever the application does.
SANITIZER_REPORTS = (
    "ERROR: AddressSanitizer",
    "ERROR: LeakSanitizer",
    "WARNING: ThreadSanitizer",
    "runtime error:",
    "LC_CHECK",
)
CRASHES = ("Segmentation fault", "Fatal Python error")

ACTIVE = []  # servers running now, so that a failing test can show their logs


def is_running(pid):
    """Whether the process runs; an orphan that nobody reaps has ended all the same."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class ServerExited(AssertionError):
    """The server ended before it answered."""

    def __init__(self, server):
        self.server = server
        self.returncode = server.process.returncode
        super().__init__(f"server exited with {self.returncode}\n{server.log()}")


def kind_under_test():
    return os.environ.get("LICORNE_SERVER_UNDER_TEST") or "licorne"


def sanitizing():
    return kind_under_test() == "licorne" and os.environ.get("LICORNE_SANITIZE") == "1"


def command(kind=None):
    kind = kind or kind_under_test()
    if kind == "gunicorn":
        return [sys.executable, "-m", "gunicorn"]
    given = os.environ.get("LICORNE_COMMAND")
    return shlex.split(given) if given else [sys.executable, "-m", "licorne"]


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, 0))
        return s.getsockname()[1]


def environment(kind=None, extra=None):
    """The environment a server starts with: no settings of the caller's leak into it."""
    env = {k: v for k, v in os.environ.items() if k not in UNWANTED}
    env["PYTHONPATH"] = os.pathsep.join([str(APPS), *filter(None, [os.environ.get("PYTHONPATH")])])
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    if (kind or kind_under_test()) == "licorne" and os.environ.get("LICORNE_SANITIZE") == "1":
        if os.environ.get("LICORNE_PRELOAD"):
            env["LD_PRELOAD"] = os.environ["LICORNE_PRELOAD"]
        env["PYTHONMALLOC"] = os.environ.get("PYTHONMALLOC", "malloc")
        env.setdefault("ASAN_OPTIONS", "detect_leaks=0")
    for key, value in (extra or {}).items():
        env.pop(key, None) if value is None else env.__setitem__(key, str(value))
    return env


UNWANTED = {
    "GUNICORN_CMD_ARGS",
    "WEB_CONCURRENCY",
    "PORT",
    "SCRIPT_NAME",
    "FORWARDED_ALLOW_IPS",
    "LISTEN_FDS",
    "LISTEN_PID",
    "SERVER_SOFTWARE",
    "GUNICORN_FD",
    "GUNICORN_PID",
}


def children(pid):
    """Pids of the direct children of `pid`, zombies left out."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path("/proc", entry, "stat").read_text()
        except OSError:
            continue
        state, ppid = stat.rpartition(")")[2].split()[:2]
        if int(ppid) == pid and state != "Z":
            found.append(int(entry))
    return sorted(found)


@dataclass(eq=False)
class Server:
    """One server process (with its workers), from start to stop.

    app      'module:attr', searched in tests/apps; None gives no application argument
    args     further command line arguments
    conf     text of a Python configuration file, passed with -c
    bind     None: a free port of 127.0.0.1; 'unix': a socket in the server's folder; 'ipv6';
             or a list of such words and of literal addresses, passed as they are
    threads  application threads where gunicorn is under test (licorne serves inline)
    """

    app: str | None = "zoo:app"
    args: tuple = ()
    conf: str | None = None
    bind: object = None
    threads: int = 8
    workers: int = 1
    kind: str = field(default_factory=kind_under_test)
    env: dict = field(default_factory=dict)
    cwd: str | None = None
    pass_fds: tuple = ()
    preexec_fn: object = None
    launcher: tuple = ()  # a command that starts the command
    may_crash: bool = False  # the test makes workers crash

    def __post_init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="licorne-test-"))
        os.chmod(self.dir, 0o755)
        self.cwd = self.cwd or self.dir
        self.log_path = self.dir / "stderr"
        self.out_path = self.dir / "stdout"
        self.process = None
        self.ready_at = 0  # length of the log when the server first answered
        self.addresses = [self._address(word) for word in self._words(self.bind)]

    # ---- before

    @staticmethod
    def _words(bind):
        if bind is None:
            return ["ipv4"]
        return [bind] if isinstance(bind, str) else list(bind)

    def _address(self, word):
        if word == "ipv4":
            return ("127.0.0.1", free_port())
        if word == "ipv6":
            return ("::1", free_port("::1"))
        if word == "unix":
            return str(self.dir / "s")
        return word  # given literally, e.g. fd://3

    @staticmethod
    def _bind_text(address):
        if isinstance(address, tuple):
            host, port = address
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"unix:{address}" if address.startswith("/") else address

    def command_line(self):
        line = [*self.launcher, *command(self.kind)]
        for address in self.addresses:
            line += ["-b", self._bind_text(address)]
        line += ["-w", str(self.workers)]
        if self.kind == "licorne":  # the whole suite as other kinds of worker: LICORNE_OPTIONS
            line += shlex.split(os.environ.get("LICORNE_OPTIONS", ""))
        if self.kind == "gunicorn":
            line.append("--no-control-socket")
            if self.threads:
                line += ["-k", "gthread", "--threads", str(self.threads)]
            if not any(a.startswith("--keep-alive") for a in self.args):
                line += ["--keep-alive", "75"]
        if self.conf is not None:
            path = self.dir / "conf.py"
            path.write_text(self.conf)
            line += ["-c", str(path)]
        line += [str(a) for a in self.args]
        return line + ([self.app] if self.app else [])

    # ---- life

    def spawn(self):
        """Starts the process and returns at once."""
        with open(self.log_path, "wb") as err, open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(
                self.command_line(),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment(
                    self.kind,
                    # The control socket's default place: each server has one of its own.
                    {"TEST_DIR": self.dir, "XDG_RUNTIME_DIR": self.dir, **self.env},
                ),
                pass_fds=self.pass_fds,
                preexec_fn=self.preexec_fn,
            )
        ACTIVE.append(self)
        return self

    def start(self, seconds=20):
        """Starts the process and returns once it answers on every address."""
        self.spawn()
        try:
            for address in self.addresses:
                if isinstance(address, tuple) or address.startswith("/"):
                    self.wait_ready(address, seconds)
            self.wait_log(rf"(?s)(Booting worker.*){{{self.workers}}}", seconds)
        except BaseException:
            self.kill()
            raise
        self.ready_at = len(self.log_bytes())
        return self

    def wait_ready(self, address=None, seconds=20):
        """Waits until a request that no server passes to an application is refused."""
        wait_until(lambda: self._probe(address or self.address), seconds, "server ready", 0.02)

    def _probe(self, address):
        if self.process.poll() is not None:
            raise ServerExited(self)
        try:
            with connect(address, timeout=deadline(5)) as s:
                s.sendall(b"PROBE\r\n\r\n")
                return s.recv(5) == b"HTTP/"
        except OSError:
            return False

    def stop(self, expect_errors=False, seconds=35):
        """TERM, wait, KILL if need be; checks exit code and log.  Returns the exit code."""
        hung = False
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(deadline(seconds))
            except subprocess.TimeoutExpired:
                hung = True
        self.kill()
        self.check_log(expect_errors)
        assert not hung, f"server did not stop within {deadline(seconds)} s of SIGTERM"
        if not expect_errors:
            assert self.process.returncode == 0, self.process.returncode
        return self.process.returncode

    def kill(self):
        """Ends the process and its children by force and forgets it."""
        if self.process is None:
            return
        pids = children(self.pid)
        if self.process.poll() is None:
            self.process.kill()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        if self in ACTIVE:
            ACTIVE.remove(self)

    def wait_exit(self, seconds=20):
        """Waits for the server to end by itself; returns the exit code."""
        try:
            code = self.process.wait(deadline(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"server still runs after {deadline(seconds)} s") from None
        self.kill()
        return code

    def run_to_exit(self, seconds=20):
        return self.spawn().wait_exit(seconds)

    def cleanup(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, kind, exc, tb):
        if kind is None:
            self.stop()
        else:
            self.kill()
        self.cleanup()

    # ---- looking

    @property
    def address(self):
        return self.addresses[0]

    @property
    def host(self):
        return self.address[0]

    @property
    def port(self):
        return self.address[1]

    @property
    def url(self):
        return f"http://{self._bind_text(self.address)}"

    @property
    def pid(self):
        return self.process.pid

    def worker_pids(self):
        return children(self.pid)

    def signal(self, number):
        self.process.send_signal(number)

    def log_bytes(self):
        return self.log_path.read_bytes() if self.log_path.exists() else b""

    def log(self):
        return self.log_bytes().decode("utf-8", "replace")

    def new_log(self):
        """The log since the server was ready."""
        return self.log_bytes()[self.ready_at :].decode("utf-8", "replace")

    def out(self):
        return self.out_path.read_text(errors="replace")

    def wait_log(self, regex, timeout=10, new=False):
        """Waits until the log matches; returns the match."""
        text = self.new_log if new else self.log

        def look():
            found = re.search(regex, text(), re.M)
            if not found and self.process.poll() is not None:
                found = re.search(regex, text(), re.M)
                if not found:
                    raise ServerExited(self)
            return found

        try:
            return wait_until(look, timeout, f"log line {regex!r}")
        except AssertionError as e:
            raise AssertionError(f"{e}; the log:\n{self.log()}") from None

    def wait_for_mark(self, name, timeout=10):
        """Waits for a file the application makes in the server's folder; returns its text."""
        path = self.dir / name
        wait_until(path.exists, timeout, f"the application's mark {name!r}")
        return path.read_text()

    def holds(self, client):
        """Whether a process still has the other end of this IPv4 connection open.

        The kernel may go on sending for a socket that was closed; such a one has inode 0.
        """
        ends = f":{self.port:04X}", f":{client.sock.getsockname()[1]:04X}"
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(ends[0]) and words[2].endswith(ends[1]):
                return words[9] != "0"
        return False

    def wait_fds(self, at_most, timeout=10):
        """Waits until the worker holds no more than so many descriptors."""
        wait_until(lambda: self.fd_count() <= at_most, timeout, f"<= {at_most} descriptors", 0.05)

    def check_log(self, expect_errors=False):
        text = self.log() + self.out()
        for report in SANITIZER_REPORTS + (() if self.may_crash else CRASHES):
            assert report not in text, f"{report} in the log:\n{text}"
        if not expect_errors:
            assert "Traceback" not in text, f"traceback in the log:\n{text}"

    def rss_kb(self, pid=None):
        pid = pid or self.worker_pids()[0]
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def check_memory(self, before, kb):
        """Asserts that the worker grew by no more than so much; a sanitizer keeps freed memory."""
        grown = self.rss_kb() - before
        assert sanitizing() or grown < kb, f"the worker grew by {grown} kB"

    def fd_count(self, pid=None):
        return len(os.listdir(f"/proc/{pid or self.worker_pids()[0]}/fd"))


def connect(address, timeout=None):
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout=timeout)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    try:
        s.connect(address)
    except BaseException:
        s.close()
        raise
    return s


def cpu_seconds(pid):
    """User and system time of one process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def now():
    return time.monotonic()
