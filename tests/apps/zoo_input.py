"""Views about the request: the environ and wsgi.input in all its methods."""

import hashlib
import io
import json

from zoo_core import count, js, mark, query, text, view, wait_for_file


@view
def environ(environ, start_response):
    """The environ as JSON: plain values as they are, of others the type."""
    plain = (str, int, bool, float, type(None))
    order = list(environ)
    return js(
        start_response,
        {
            "type": type(environ).__name__,
            "order": order,
            "values": {k: v if isinstance(v, plain) else repr(v) for k, v in environ.items()},
            "types": {k: type(v).__name__ for k, v in environ.items()},
        },
    )


SEEN = []


@view
def fresh(environ, start_response):
    """Spoils its environ; the next request must not see it."""
    spoiled = [k for k in environ if k.startswith("spoiled")]
    host, method = environ.get("HTTP_X_A"), environ["REQUEST_METHOD"]
    SEEN.append(environ)  # keeps it alive, so that identity means something
    same = len({id(e) for e in SEEN}) != len(SEEN)
    environ["spoiled.key"] = 1
    environ["wsgi.url_scheme"] = "spoiled"
    environ["PATH_INFO"] = environ["REQUEST_METHOD"] = None
    del environ["SERVER_NAME"]
    environ.clear() if "HTTP_X_CLEAR" in environ else None
    return js(start_response, {"spoiled": spoiled, "same": same, "x": host, "method": method})


@view
def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response(
        "200 OK",
        [
            ("Content-Type", environ.get("CONTENT_TYPE", "text/plain")),
            ("Content-Length", str(len(body))),
        ],
    )
    return [body]


@view
def digest(environ, start_response):
    """Reads in ?n= pieces; answers length and SHA-256."""
    stream, n = environ["wsgi.input"], int(query(environ).get("n", 65536))
    hash_, total = hashlib.sha256(), 0
    while piece := stream.read(n):
        assert len(piece) <= n
        hash_.update(piece)
        total += len(piece)
    count("digest_done")
    return js(
        start_response,
        {"length": total, "sha256": hash_.hexdigest(), "cl": environ.get("CONTENT_LENGTH")},
    )


@view
def unread(environ, start_response):
    """Never looks at the body."""
    return text(start_response, "unread")


@view
def read_some(environ, start_response):
    return text(start_response, environ["wsgi.input"].read(int(query(environ)["n"])))


@view
def methods(environ, start_response):
    """Runs calls such as ["read", 3], ["readline"] given in ?calls= and answers their results."""
    stream, results = environ["wsgi.input"], []
    for name, *args in json.loads(query(environ)["calls"]):
        try:
            if name == "iter":
                value = list(stream)
            elif name == "next":
                value = next(iter(stream), "STOP")
            else:
                value = getattr(stream, name)(*args)
            as_list = isinstance(value, list)
            types = {type(v).__name__ for v in (value if as_list else [value])}
            assert types <= {"bytes", "str"} or not value, types
            value = (
                [v.decode("latin-1") for v in value]
                if as_list
                else (value.decode("latin-1") if isinstance(value, bytes) else value)
            )
            results.append(value)
        except Exception as e:
            results.append({"error": type(e).__name__, "ioerror": isinstance(e, OSError)})
    return js(start_response, results)


@view
def attributes(environ, start_response):
    stream = environ["wsgi.input"]
    return js(
        start_response,
        {
            name: hasattr(stream, name)
            for name in ("read", "readline", "readlines", "__iter__", "fileno", "seek")
        },
    )


@view
def wrapped(environ, start_response):
    """What frameworks do: wraps the input in a TextIOWrapper through a BufferedReader-like."""
    body = io.TextIOWrapper(io.BytesIO(environ["wsgi.input"].read()), "utf-8").read()
    return text(start_response, body.upper())


@view
def read_steps(environ, start_response):
    """Reads 5 bytes, tells so, then reads the rest: a streamed body arrives while it reads."""
    stream = environ["wsgi.input"]
    first = stream.read(5)
    mark("first", first.decode())
    rest = stream.read()
    return text(start_response, first + b"|" + rest)


@view
def begun(environ, start_response):
    """Tells that it was called before reading anything, waits for the test, then reads."""
    mark("called")
    wait_for_file("go")
    try:
        body = environ["wsgi.input"].read()
    except OSError as e:
        mark("read_error", type(e).__name__)
        raise
    mark("read", str(len(body)))
    return text(start_response, str(len(body)))


@view
def begun_never_reads(environ, start_response):
    mark("called")
    return text(start_response, "refused", "403 Forbidden")


@view
def error_in_read(environ, start_response):
    """Reads to the end and says how that ended."""
    try:
        body = environ["wsgi.input"].read()
    except Exception as e:
        mark("ended", f"error {type(e).__name__}")
        raise
    mark("ended", f"bytes {len(body)}")
    return text(start_response, str(len(body)))


@view
def after_response(environ, start_response):
    """Answers while the body is unread, then reads it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"head "
    yield b"%d" % len(environ["wsgi.input"].read())
