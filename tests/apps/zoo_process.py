"""Views about processes, threads and time: forks, exits, own threads, long calls."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time

from zoo_core import count, js, mark, query, text, view, wait_for_file

PLAIN = [("Content-Type", "text/plain")]


def status_of(pid, seconds=10):
    """How a child ended; one that does not end is killed, and that is told too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "never ended"


def fork(environ):
    """By Python; with ?by=c as a library does it that Python knows nothing of."""
    return ctypes.CDLL(None).fork() if query(environ).get("by") == "c" else os.fork()


class ForkInClose:
    """Yields its answer whole, then forks; the child fails in close()."""

    def __iter__(self):
        return iter([b"answer"])

    def close(self):
        if pid := os.fork():
            mark("child", str(status_of(pid)))
        else:
            raise ValueError("close failed in the child")


def fork_in_generator():
    yield b"before "
    if pid := os.fork():
        yield b"child %s" % str(status_of(pid)).encode()
    else:
        yield b"never sent"


@view
def forked_child(environ, start_response):
    """Forks; the child leaves the call in the way ?how= says, the parent answers how it ended."""
    how = query(environ)["how"]
    if how in ("generator", "close"):
        start_response("200 OK", PLAIN)
        return fork_in_generator() if how == "generator" else ForkInClose()
    if pid := fork(environ):
        return text(start_response, f"child {status_of(pid)}")
    if how == "raise":
        raise ValueError("raised in the child")
    if how == "exit":
        sys.exit(9)
    if how == "stop":
        raise StopIteration
    if how == "respond":
        return text(start_response, "from the child")
    if how == "read":
        return [environ["wsgi.input"].read()]
    if how == "socket":
        environ["gunicorn.socket"].sendall(b"from the child")
    return [b"from the child"]


@view
def fork_after_start(environ, start_response):
    """The child writes to a response that its parent began."""
    write = start_response("200 OK", PLAIN)
    write(b"begun ")
    if pid := os.fork():
        return [b"child %s" % str(status_of(pid)).encode()]
    write(b"from the child ")
    return [b"from the child"]


@view
def fork_and_hold(environ, start_response):
    """Leaves a child behind that keeps every descriptor until the test lets it go."""
    if fork(environ):
        return text(start_response, "held")
    try:
        mark("child", str(os.getpid()))
        wait_for_file("release")
    finally:
        os._exit(0)


@view
def leave_orphan(environ, start_response):
    """A grandchild that ends when its parent has: then it is nobody's, or the master's."""
    if pid := os.fork():
        os.waitpid(pid, 0)
        return text(start_response, "left")
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            time.sleep(0.005)
    os._exit(0)


HELPERS = []  # pipes to programs that run until the worker ends


@view
def spawn_and_hold(environ, start_response):
    """Leaves a program behind that closed no descriptor it was not asked to close."""
    program = "import sys; print('here', flush=True); sys.stdin.read()"
    helper = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    )
    HELPERS.append(helper)
    mark("child", str(helper.pid))
    return text(start_response, helper.stdout.readline().strip())


@view
def exit_with(environ, start_response):
    """sys.exit() with a number, a text, or nothing."""
    code = query(environ).get("code")
    sys.exit(int(code) if code and code.isdigit() else code)


@view
def raises_generator_exit(environ, start_response):
    raise GeneratorExit


@view
def raises_base(environ, start_response):
    class Base(BaseException):
        pass

    raise Base("neither an Exception nor an exit")


class ExitInClose(list):
    def close(self):
        sys.exit(7)


@view
def exit_later(environ, start_response):
    """sys.exit() when the answer has begun: ?where= is midway or close."""

    def midway():
        yield b"begun"
        sys.exit(7)

    if query(environ)["where"] == "midway":
        start_response("200 OK", PLAIN)
        return midway()
    start_response("200 OK", [("Content-Length", "5")])
    return ExitInClose([b"whole"])


@view
def sleep(environ, start_response):
    """Sleeps for ?s= seconds in one go."""
    mark("began")
    time.sleep(float(query(environ)["s"]))
    return text(start_response, "slept")


@view
def busy(environ, start_response):
    """Computes for ?s= seconds, then answers ?n= bytes."""
    q = query(environ)
    mark("began")
    end = time.monotonic() + float(q["s"])
    while time.monotonic() < end:
        time.sleep(0.005)
    return text(start_response, b"b" * int(q.get("n", 4)))


def in_thread(function):
    """What the function raised in a thread of its own: the name of the type, or None."""
    raised = []

    def run():
        try:
            function()
        except BaseException as e:
            raised.append(type(e).__name__)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@view
def thread_reads(environ, start_response):
    """A thread of its own reads a body that is still on its way; the call waits for that thread."""
    got = []
    mark("reading")
    raised = in_thread(lambda: got.append(environ["wsgi.input"].read()))
    return text(start_response, f"{raised}|".encode() + b"".join(got))


@view
def thread_writes(environ, start_response):
    """A thread writes more than may wait; the call itself writes the end."""
    write = start_response("200 OK", PLAIN)

    def fill():
        for _ in range(1000):
            write(b"t" * 10_000)

    mark("writing")
    raised = in_thread(fill)
    write(f"end {raised}".encode())
    return []


@view
def looks_then_reads(environ, start_response):
    """Asks the raw socket for the peer, then reads the body in two steps."""
    peer = environ["gunicorn.socket"].getpeername()
    stream = environ["wsgi.input"]
    first = stream.read(5)
    mark("first", first.decode())
    rest = stream.read()
    return text(start_response, f"{peer[1]}|".encode() + first + b"|" + rest)


@view
def looks_then_sends(environ, start_response):
    """Asks the raw socket for the peer, then answers more than any buffer holds."""
    environ["gunicorn.socket"].getpeername()
    n = int(query(environ)["n"])
    if "file" in query(environ):
        path = os.path.join(os.environ["TEST_DIR"], "large")
        with open(path, "wb") as f:
            f.write(b"f" * n)
        start_response("200 OK", [("Content-Length", str(n))])
        return environ["wsgi.file_wrapper"](open(path, "rb"))
    start_response("200 OK", PLAIN)
    return (b"p" * 10_000 for _ in range(n // 10_000))


@view
def sends_then_reads(environ, start_response):
    """Much is on its way to the client when the application waits for the client's body."""
    write = start_response("200 OK", PLAIN)
    for _ in range(int(query(environ)["n"]) // 10_000):
        write(b"s" * 10_000)
    count("sent_all")
    return [environ["wsgi.input"].read()]


@view
def hijack_mode(environ, start_response):
    """Takes the connection over and says in which mode the descriptor is."""
    sock = environ["gunicorn.socket"]
    sock.sendall(f"blocking={os.get_blocking(sock.fileno())} ".encode())
    while data := sock.recv(100):
        sock.sendall(data.upper())
    raise StopIteration


@view
def whoami(environ, start_response):
    return js(start_response, os.getpid())


def board():
    from licorne import _engine

    return _engine.scoreboard()


@view
def scoreboard(environ, start_response):
    """What every worker does, as this one reads it."""
    return js(start_response, board())


@view
def watch_board(environ, start_response):
    """Keeps its thread, and shows the board in a file, until the test releases it."""
    path = os.path.join(os.environ["TEST_DIR"], "release")
    while not os.path.exists(path):
        mark("board", json.dumps(board()))
        time.sleep(0.005)
    return text(start_response, "released")


@view
def keep_gil(environ, start_response):
    """Sleeps in C without letting go of the interpreter."""
    import ctypes

    libc = ctypes.PyDLL(None)
    mark("kept")
    libc.sleep(int(query(environ)["seconds"]))
    return text(start_response, "kept")
