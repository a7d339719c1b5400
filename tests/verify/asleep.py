"""`-k sync -w 1`, the application asleep for five seconds: everybody else gets what is due, when it is.

In each round one client's call sleeps, and beside it: malformed requests get their 400, health is
answered, a kept connection meets its keepalive, a half-sent head its 408, a queued request its 503.
Each must come within 50 ms of when it is due, and not before.

Usage: asleep.py [--rounds 10] [--within-ms 50] [options for licorne]
"""

import argparse
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.rawhttp import Client, fetch, request
from support.server import Server

SLEEP = 5
KEEPALIVE, HEADER, QUEUE = 2, 3, 4  # seconds, all over while the call sleeps
EARLY_MS = 5  # clocks of two processes, rounded to a millisecond each


class Lateness:
    """What came how many milliseconds after it was due, by kind; the worst of each."""

    def __init__(self):
        self.worst, self.least, self.count = {}, {}, {}
        self.lock = threading.Lock()
        self.wrong = []

    def note(self, kind, began, due=0.0):
        late = (time.monotonic() - began - due) * 1000
        with self.lock:
            self.worst[kind] = max(late, self.worst.get(kind, late))
            self.least[kind] = min(late, self.least.get(kind, late))
            self.count[kind] = self.count.get(kind, 0) + 1

    def fail(self, text):
        with self.lock:
            self.wrong.append(text)


def malformed(server, seen, until):
    while time.monotonic() < until:
        with Client(server) as c:
            began = time.monotonic()
            c.send(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
            if c.read_response().status != 400:
                seen.fail("malformed: no 400")
            seen.note("malformed", began)
        time.sleep(0.05)


def health(server, seen, until):
    while time.monotonic() < until:
        began = time.monotonic()
        if fetch(server, "/-/health").status != 200:
            seen.fail("health: no 200")
        seen.note("health", began)
        time.sleep(0.05)


def idle(server, seen, client, began):
    client.expect_close()
    seen.note("keepalive", began, KEEPALIVE)
    client.close()


def half_a_head(server, seen, _until):
    with Client(server) as c:
        began = time.monotonic()
        c.send(request("/ping")[:10])
        if c.read_response().status != 408:
            seen.fail("half a head: no 408")
        seen.note("header_timeout", began, HEADER)


def queued(server, seen, _until):
    with Client(server) as c:
        began = time.monotonic()
        c.send(request("/ping"))
        if c.read_response().status != 503:
            seen.fail("queued: no 503")
        seen.note("queue_timeout", began, QUEUE)


def play(server, seen):
    """One round; a call that fails in a thread is a failure, too."""

    def guard(function, *args):
        try:
            function(*args)
        except Exception as error:
            seen.fail(f"{function.__name__}: {error!r}")

    kept = Client(server)
    with Client(server) as caller:
        kept.get("/ping")
        answered = time.monotonic()
        caller.send(request(f"/sleep?s={SLEEP}"))
        until = time.monotonic() + SLEEP - 0.3
        threads = [
            threading.Thread(target=guard, args=(function, server, seen, until))
            for function in (malformed, health, half_a_head, queued)
        ]
        threads.append(threading.Thread(target=guard, args=(idle, server, seen, kept, answered)))
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if caller.read_response().body != b"slept":
            seen.fail("the call itself was not answered")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--within-ms", type=float, default=50)
    given, options = parser.parse_known_args()
    args = ["-k", "sync", "--keep-alive", KEEPALIVE, "--header-timeout", HEADER]
    args += ["--queue-timeout", QUEUE, "--health-path", "/-/health", *options]
    seen = Lateness()
    with Server(app="zoo:app", args=args, workers=1) as server:
        for _ in range(given.rounds):
            play(server, seen)
    for kind, worst in sorted(seen.worst.items()):
        print(
            f"{kind:16} {seen.count[kind]:6} seen, late by {seen.least[kind]:.1f} to {worst:.1f} ms"
        )
        if worst > given.within_ms or seen.least[kind] < -EARLY_MS:
            seen.fail(f"{kind}: {seen.least[kind]:.1f} to {worst:.1f} ms")
    for text in seen.wrong[:20]:
        print("wrong:", text)
    print(
        f"asleep: {given.rounds} rounds, latest {max(seen.worst.values()):.1f} ms after it was due"
    )
    return 1 if seen.wrong or len(seen.worst) != 5 else 0


if __name__ == "__main__":
    sys.exit(main())
