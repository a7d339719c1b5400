"""What the views of zoo.py are made of: the registry, counters, and files to meet the test at.

`/name` calls the view `name`.  What happens inside (calls, closes, errors caught) is counted in
COUNTS, read by `/counts`; the tests start one worker, hence there is one process to count in.
"""

import collections
import json
import os
import threading
import time
import urllib.parse

COUNTS = collections.Counter()
LOCK = threading.Lock()
VIEWS = {}


def view(function):
    VIEWS[function.__name__] = function
    return function


def count(key):
    with LOCK:
        COUNTS[key] += 1


def text(start_response, body, status="200 OK", headers=()):
    body = body if isinstance(body, bytes) else str(body).encode("utf-8")
    start_response(
        status,
        [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


def js(start_response, value):
    body = json.dumps(value).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def query(environ):
    return dict(urllib.parse.parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))


def wait_for_file(name, seconds=60):
    """Holds the application until the test makes a file in the server's folder."""
    path = os.path.join(os.environ["TEST_DIR"], name)
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise TimeoutError(name)
        time.sleep(0.005)


def mark(name, content=""):
    """Tells the test, by a file in the server's folder, how far the application got."""
    path = os.path.join(os.environ["TEST_DIR"], name)
    draft = f"{path}.{os.getpid()}.{threading.get_ident()}.tmp"  # forked siblings have one ident
    with open(draft, "w") as f:
        f.write(content)
    os.rename(draft, path)


class Closing:
    """An iterable that counts what is done to it.  Items: bytes, exceptions, callables."""

    def __init__(self, items, key="closed"):
        self.items, self.key = iter(items), key

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self.items)
        if isinstance(item, BaseException):
            raise item
        return item() if callable(item) else item

    def close(self):
        count(self.key)
