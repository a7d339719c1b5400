"""Views about what lies under WSGI: errors stream, files, early hints, the raw socket."""

import io
import os
import select
import sys
import tempfile
import time

from zoo_core import count, js, mark, query, text, view, wait_for_file


@view
def errors(environ, start_response):
    stream = environ["wsgi.errors"]
    stream.write("written: caf\u00e9\n")
    stream.writelines(["line one\n", "line two\n"])
    print("printed", 7, file=stream)
    stream.flush()
    stream.write("no newline")
    stream.write("\n")
    return text(start_response, "ok")


class Loose:
    """A file-like object without a descriptor."""

    def __init__(self, data):
        self.file, self.sizes = io.BytesIO(data), []

    def read(self, n=-1):
        return self.file.read(n)

    def close(self):
        count("file_closed")


class Counting(io.FileIO):
    def close(self):
        if not self.closed:
            count("file_closed")
        super().close()


def make_file(content):
    fd, path = tempfile.mkstemp(dir=os.environ["TEST_DIR"])
    with os.fdopen(fd, "wb") as f:
        f.write(content)
    return path


@view
def file(environ, start_response):
    """?kind= of file, ?n= bytes, ?at= offset, ?cl= Content-Length, ?blk= block size."""
    q = query(environ)
    content = (bytes(range(256)) * (int(q.get("n", 1000)) // 256 + 1))[: int(q.get("n", 1000))]
    kind = q.get("kind", "real")
    if kind == "bytesio":
        f = io.BytesIO(content)
    elif kind == "loose":
        f = Loose(content)
    elif kind == "buffered":
        f = open(make_file(content), "rb")  # noqa: SIM115 - the server closes it
    elif kind == "text_name":
        f = Counting(make_file(content))
    else:
        f = Counting(make_file(content))
    if "at" in q:
        f.seek(int(q["at"]))
    headers = [("Content-Type", "application/octet-stream")]
    if "cl" in q:
        headers.append(("Content-Length", q["cl"]))
    start_response("200 OK", headers)
    args = [int(q["blk"])] if "blk" in q else []
    return environ["wsgi.file_wrapper"](f, *args)


@view
def file_at(environ, start_response):
    """Any file of the system, without a length."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](open(query(environ)["path"], "rb"))


@view
def file_class(environ, start_response):
    """What applications do with the class itself."""
    wrapper = environ["wsgi.file_wrapper"]

    class Child(wrapper):
        pass

    f = io.BytesIO(b"0123456789")
    made = wrapper(f, 4)
    child = Child(io.BytesIO(b"xyz"))
    return js(
        start_response,
        {
            "is_class": isinstance(wrapper, type),
            "name": wrapper.__name__,
            "isinstance": isinstance(made, wrapper) and isinstance(child, wrapper),
            "filelike": made.filelike is f,
            "pieces": [p.decode() for p in made],
            "child": b"".join(child).decode(),
            "default": wrapper(io.BytesIO(b"")).blksize,
            "no_close": hasattr(made, "close"),
        },
    )


@view
def file_child(environ, start_response):
    class Upper(environ["wsgi.file_wrapper"]):
        def __iter__(self):
            return (p.upper() for p in [self.filelike.read()])

        def __getitem__(self, key):
            data = self.filelike.read(self.blksize)
            if data:
                return data.upper()
            raise IndexError

    start_response("200 OK", [("Content-Type", "text/plain")])
    return Upper(io.BytesIO(b"lower"))


@view
def file_middleware(environ, start_response):
    """A wrapper passed on through a generator is no file any more, but must still be sent."""
    inner = file(environ, start_response)
    try:
        yield from inner
    finally:
        inner.close()


@view
def hints(environ, start_response):
    hint = environ["wsgi.early_hints"]
    hint([("Link", "</a.css>; rel=preload"), ("Link", "</b.js>; rel=preload")])
    mark("hinted")
    if "wait" in query(environ):
        wait_for_file("go")
    hint([("Link", "</c.png>; rel=preload")])
    start_response("200 OK", [("Content-Length", "5")])
    return [b"final"]


@view
def hints_late(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun "
    environ["wsgi.early_hints"]([("Link", "</late.css>")])
    yield b"done"


@view
def hints_bad(environ, start_response):
    try:
        environ["wsgi.early_hints"]([("Link", "a\r\nX-Injected: 1")])
        count("hint_accepted")
    except Exception:
        count("hint_refused")
    return text(start_response, "ok")


def raw(environ):
    return environ["gunicorn.socket"]


@view
def hijack(environ, start_response):
    """Takes the connection, speaks a protocol of its own, ends as flask-sock does."""
    sock = raw(environ)
    blocking = sock.gettimeout()
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    sock.sendall(f"blocking={blocking} ".encode())
    while data := sock.recv(100):
        sock.sendall(data.upper())
        if b"quit" in data:
            break
    raise StopIteration


@view
def hijack_close(environ, start_response):
    sock = raw(environ)
    sock.sendall(b"bye")
    sock.close()
    raise StopIteration


@view
def hijack_dup(environ, start_response):
    sock = raw(environ).dup()
    sock.setblocking(True)
    sock.sendall(b"ready ")
    sock.sendall(b"dup:" + sock.recv(100))
    sock.close()
    raise StopIteration


@view
def hijack_detach(environ, start_response):
    fd = raw(environ).detach()
    os.set_blocking(fd, True)
    os.write(fd, b"detached")
    os.close(fd)
    raise StopIteration


@view
def hijack_select(environ, start_response):
    """As simple-websocket waits: with a selector on the object itself."""
    sock = raw(environ)
    sock.sendall(b"ready ")
    readable, _, _ = select.select([sock], [], [], 10)
    sock.settimeout(5)
    sock.send(b"got " + sock.recv(100) if readable else b"nothing")
    raise StopIteration


@view
def hijack_iter(environ, start_response):
    """Stops in the iterable: that is an ordinary end of it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter([b"plain end"])


@view
def socket_facts(environ, start_response):
    sock = raw(environ)
    facts = {
        "fileno": sock.fileno(),
        "peer": sock.getpeername(),
        "name": sock.getsockname(),
        "family": int(sock.family),
        "type": int(sock.type),
        "timeout": sock.gettimeout(),
        "nodelay": sock.getsockopt(6, 1) if int(sock.family) in (2, 10) else None,
    }
    return js(start_response, facts)


@view
def disconnected(environ, start_response):
    """Waits until the server tells that the client has gone."""
    key = "licorne.disconnected"
    mark("began", repr(key in environ))
    wait_for_file("go")
    value = environ[key]
    mark("told", repr(bool(value() if callable(value) else value)))
    return text(start_response, "x")


@view
def disconnected_midway(environ, start_response):
    """Streams until the server tells that the client has gone; as many items as that took, at most.

    If it leaves between the question and the item, the server closes the iterable instead.
    """
    is_gone = environ["licorne.disconnected"]

    def items():
        for n in range(2000):
            if is_gone():
                mark("told", str(n))
                return
            try:
                yield b"item\n"
            except GeneratorExit:
                mark("told", "closed")
                raise
            if n == 0:
                mark("began")
            time.sleep(0.005)
        mark("told", "never")

    start_response("200 OK", [("Content-Type", "text/plain")])
    return items()


@view
def disconnected_polled(environ, start_response):
    """Looks every few milliseconds, as a long computation would; how long it took is told."""
    is_gone = environ["licorne.disconnected"]
    assert not is_gone()
    mark("began")
    end = time.monotonic() + 20
    while not is_gone() and time.monotonic() < end:
        time.sleep(0.005)
    mark("told", repr(is_gone()))
    return text(start_response, "x")


@view
def disconnected_after_body(environ, start_response):
    mark("reading")
    body = environ["wsgi.input"].read()
    mark("began")
    end = time.monotonic() + 20
    while not environ["licorne.disconnected"]() and time.monotonic() < end:
        time.sleep(0.005)
    mark("told", f"{body!r} {environ['licorne.disconnected']()}")
    return text(start_response, "x")


@view
def std_streams(environ, start_response):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    sys.stdout.flush()
    return text(start_response, "ok")
