"""Calls that hold their thread for ten seconds, and a request of one millisecond beside them.

/wait sleeps without the GIL, /compute holds it as Python code does, /short takes a millisecond,
/held tells how many are held.
"""

import threading
import time

HOLD_S = 10.0

lock = threading.Lock()
held = 0


def wait():
    time.sleep(HOLD_S)


def compute():
    end = time.monotonic() + HOLD_S
    n = 0
    while time.monotonic() < end:
        n += 1


def hold(how):
    global held
    with lock:
        held += 1
    try:
        how()
    finally:
        with lock:
            held -= 1


def app(environ, start_response):
    path = environ["PATH_INFO"]
    body = b"ok"
    if path == "/wait":
        hold(wait)
    elif path == "/compute":
        hold(compute)
    elif path == "/short":
        time.sleep(0.001)
    elif path == "/held":
        body = b"%d" % held
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
