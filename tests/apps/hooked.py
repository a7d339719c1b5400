"""An application for the tests of hooks."""

import json
import os
import time


def mark(name):
    with open(os.path.join(os.environ["TEST_DIR"], name), "w") as file:
        file.write(str(os.getpid()))


def hold():
    while not os.path.exists(os.path.join(os.environ["TEST_DIR"], "release")):
        time.sleep(0.01)


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise KeyError("of the application")
    if path == "/hijack":
        environ["gunicorn.socket"].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        raise StopIteration
    if path == "/held":
        mark("held")
        hold()
    if path == "/late":
        start_response("200 OK", [("X-A", "b")])
        return late()
    body = environ["wsgi.input"].read()
    if path == "/environ":
        kept = {k: v for k, v in environ.items() if isinstance(v, str)}
        body = json.dumps(kept).encode()
    headers = [("Content-Length", str(len(body))), ("X-A", "b")]
    start_response("201 Made" if path == "/made" else "200 OK", headers)
    return [body]


def late():
    yield b"first"
    raise KeyError("of the body")
