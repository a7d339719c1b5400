"""A WSGI application that writes down every call, so that a test can prove there was none.

The journal is `journal` in the server's directory, one JSON object a line: `enter` before anything
of the request is looked at, `done` once its body was read to the end.  `/-/...` is left out: that
is for the test's own questions.
"""

import hashlib
import itertools
import json
import os

SERIAL = itertools.count(1)
QUIET = "/-/"
BODY_SHOWN_MAX = 4096


def write(**record):
    """One line by one write: calls in several threads never mix."""
    line = json.dumps(record).encode() + b"\n"
    fd = os.open(
        os.path.join(os.environ["TEST_DIR"], "journal"),
        os.O_WRONLY | os.O_CREAT | os.O_APPEND,
        0o644,
    )
    try:
        os.write(fd, line)
    finally:
        os.close(fd)


def answer(start_response, body):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def summary(body):
    if len(body) <= BODY_SHOWN_MAX:
        return {"body": body.decode("latin-1"), "length": len(body)}
    return {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)}


def app(environ, start_response):
    if environ["PATH_INFO"].startswith(QUIET):
        return answer(start_response, quiet(environ))
    call = {
        "serial": next(SERIAL),
        "pid": os.getpid(),
        "method": environ["REQUEST_METHOD"],
        "uri": environ["RAW_URI"],
        "path": environ["PATH_INFO"],
        "protocol": environ["SERVER_PROTOCOL"],
        "host": environ.get("HTTP_HOST"),
        "stamp": environ.get("HTTP_X_PROXY_ID"),
    }
    write(at="enter", **call)
    body = environ["wsgi.input"].read()
    write(at="done", **call, **summary(body))
    return answer(start_response, echo(environ, body))


def echo(environ, body):
    """What a client needs to know that this is the answer to its own request."""
    return f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {len(body)}".encode("latin-1")


def quiet(environ):
    what = environ["PATH_INFO"][len(QUIET) :]
    if what == "large":
        return b"0123456789abcdef" * 65536
    if what == "upload":
        return json.dumps(summary(environ["wsgi.input"].read())).encode()
    return b"pong" + environ["QUERY_STRING"].encode("latin-1")
