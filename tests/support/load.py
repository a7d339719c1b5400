"""A client that counts: kept-alive connections that ask without a pause, and know of every failure.

A failure is a request that was sent and not answered whole, a status other than 200, or a
connection that could not be made. A close between two requests is the server's right only after
it has said `Connection: close`.
"""

import threading
import time
from collections import Counter

from support.rawhttp import Client, request


class Load:
    """with Load(server) as load: ...    afterwards load.count, load.failures, load.bodies"""

    def __init__(self, address, clients=4, target="/", rate=None):
        self.address = address
        self.bytes = request(target)
        self.pause = clients / rate if rate else 0  # of each client, for `rate` requests a second
        self.is_over = threading.Event()
        self.bodies = Counter()
        self.failures = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run) for _ in range(clients)]

    @property
    def count(self):
        return sum(self.bodies.values())

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        while not self.is_over.is_set():
            try:
                with Client(self.address) as c:
                    self._ask(c)
            except Exception as error:
                self.failures.append(repr(error))
                self.is_over.wait(0.05)

    def _ask(self, c):
        is_closing = False
        while not is_closing and not self.is_over.is_set():
            due = time.monotonic() + self.pause
            c.send(self.bytes)
            r = c.read_response()
            if r.status != 200:
                self.failures.append(f"{r.status}: {r.body[:80]!r}")
            with self.lock:
                self.bodies[r.text] += 1
            is_closing = r.header("Connection", "").lower() == "close"
            self.is_over.wait(max(0, due - time.monotonic())) if self.pause else None

    def check(self):
        assert not self.failures, (len(self.failures), self.count, self.failures[:5])
        assert self.count
