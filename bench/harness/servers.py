"""Who is measured, and how each is started: one worker, and the flags that show it at its best."""

from dataclasses import dataclass

from . import env

BIN = env.PEERS / "bin"


@dataclass(frozen=True)
class Peer:
    name: str
    argv: object  # (target, port) -> command
    needs: tuple  # requirements without which it is not measured
    kind: str = "wsgi"
    about: str = ""

    def target(self, case):
        return case.asgi if self.kind == "asgi" else case.wsgi

    def missing(self, missing):
        return "; ".join(f"{n}: {missing[n]}" for n in self.needs if n in missing)


def _gunicorn(*flags):
    def argv(target, port):
        bind = f"127.0.0.1:{port}"
        return [BIN / "gunicorn", "-w", 1, "-b", bind, "--log-level", "warning", *flags, target]

    return argv


def _launched(name):
    return lambda target, port: [BIN / "python", env.APPS / "launch.py", name, target, port]


def _uvicorn(target, port):
    flags = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return [BIN / "uvicorn", "--host", "127.0.0.1", "--port", port, *flags, target]


def _granian(target, port):
    flags = ["--host", "127.0.0.1", "--port", port, "--interface", "wsgi", "--workers", 1]
    return [BIN / "granian", *flags, "--http", 1, "--no-ws", "--log-level", "warning", target]


def _uwsgi(*socket_flags):
    def argv(target, port):
        flags = [f.format(port=port) for f in socket_flags]
        flags += ["--master", "--processes", "1", "--disable-logging", "--die-on-term"]
        return [BIN / "uwsgi", *flags, "-H", env.PEERS, "--module", target]

    return argv


def _waitress(target, port):
    return [BIN / "waitress-serve", f"--listen=127.0.0.1:{port}", "--threads=4", target]


def _socketify(target, port):
    flags = ["--host", "127.0.0.1", "--port", port, "--workers", 1, "--interface", "wsgi"]
    return [BIN / "python", "-m", "socketify", target, *flags]


PEERS = (
    Peer("gunicorn-sync", _gunicorn("-k", "sync"), ("gunicorn",), about="closes after each answer"),
    Peer("gunicorn-gthread", _gunicorn("-k", "gthread", "--threads", 4), ("gunicorn",)),
    Peer("gunicorn-gevent", _gunicorn("-k", "gevent"), ("gunicorn", "gevent")),
    Peer("uvicorn", _uvicorn, ("uvicorn", "uvloop", "httptools"), "asgi", "ASGI applications"),
    Peer("granian", _granian, ("granian",)),
    Peer(
        "uwsgi",
        _uwsgi("--http11-socket", "127.0.0.1:{port}", "--threads", "32"),
        ("uwsgi",),
        about="http11-socket; a kept-alive connection holds a thread, so it has 32",
    ),
    Peer(
        "uwsgi-http",
        _uwsgi("--http", "127.0.0.1:{port}", "--http-keepalive"),
        ("uwsgi",),
        about="its HTTP router before one worker",
    ),
    Peer("waitress", _waitress, ("waitress",)),
    Peer("bjoern", _launched("bjoern"), ("bjoern",)),
    Peer("fastwsgi", _launched("fastwsgi"), ("fastwsgi",)),
    Peer("socketify", _socketify, ("socketify",)),
)


def licorne_argv(python, target, port, *flags):
    command = [python, "-m", "licorne", "-w", 1, "-b", f"127.0.0.1:{port}", "--chdir", env.APPS]
    return [*command, "--log-level", "warning", *flags, target]


def licorne(python):
    return Peer("licorne", lambda target, port: licorne_argv(python, target, port), ())


def floor_argv(binary, port, flags=()):
    return [binary, "--port", port, *flags]
