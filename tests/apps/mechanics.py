"""Tells what process it runs in. It imports nothing that is not there already: whom a worker runs as
may not read the interpreter's own files.
"""

import os
import sys


def mask():
    old = os.umask(0)
    os.umask(old)
    return old


def app(environ, start_response):
    words = {
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "uid": list(os.getresuid()),
        "gid": list(os.getresgid()),
        "groups": sorted(os.getgroups()),
        "umask": mask(),
        "cwd": os.getcwd(),
        "sid": os.getsid(0),
        "path": sys.path[:3],
        "env": {name: os.environ[name] for name in os.environ if name.startswith("T_")},
        "listen": [name for name in os.environ if name.startswith("LISTEN_")],
        "imported_as": IMPORTED_AS,
    }
    if environ["PATH_INFO"] == "/print":
        print("printed by the application", flush=True)
        print("complained by the application", file=sys.stderr, flush=True)
    body = repr(words).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


IMPORTED_AS = [os.geteuid(), os.environ.get("T_A")]
