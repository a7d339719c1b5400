"""A WSGI application whose answers tell which worker gave them, and whose calls take as long as a
test wants."""

import hashlib
import json
import os
import time
from urllib.parse import parse_qs


def path_of(name):
    return os.path.join(os.environ["TEST_DIR"], name)


def note(what, **more):
    line = json.dumps({"what": what, "at": time.monotonic(), **more}) + "\n"
    fd = os.open(path_of("journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def whoami(environ, query):
    return os.getpid()


def sleep(environ, query):
    time.sleep(float(query["seconds"]))
    return os.getpid()


def compute(environ, query):
    """Without a system call in between, for on some machines those are what takes the time."""
    note("begin")
    began = time.process_time()
    sum(range(int(query["steps"])))
    note("end", cpu=time.process_time() - began)
    return os.getpid()


def keep(environ, query):
    """Until there is a file NAME-go."""
    open(path_of(query["name"]), "w").close()
    until = time.monotonic() + 120
    while not os.path.exists(path_of(query["name"] + "-go")) and time.monotonic() < until:
        time.sleep(0.005)
    return os.getpid()


def digest(environ, query):
    body = environ["wsgi.input"].read()
    return {
        "pid": os.getpid(),
        "sha256": hashlib.sha256(body).hexdigest(),
        "length": len(body),
    }


def about(environ, query):
    return {
        "pid": os.getpid(),
        "peer": [environ["REMOTE_ADDR"], environ["REMOTE_PORT"]],
        "some": environ.get("HTTP_X_SOME"),
        "query": environ["QUERY_STRING"],
    }


VIEWS = {"/" + f.__name__: f for f in (whoami, sleep, compute, keep, digest, about)}


def app(environ, start_response):
    query = {k: v[0] for k, v in parse_qs(environ["QUERY_STRING"]).items()}
    body = json.dumps(VIEWS[environ["PATH_INFO"]](environ, query)).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
