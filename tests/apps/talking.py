"""Says what it serves on standard output and error, by Python and by the descriptor."""

import os
import sys


def app(environ, start_response):
    path = environ["PATH_INFO"]
    print("out", path, flush=True)
    print("err", path, file=sys.stderr, flush=True)
    os.write(1, f"raw {path}\n".encode())
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
