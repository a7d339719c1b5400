"""One journal of all hooks, written under Licorne and under real Gunicorn: the same lines."""

import contextlib
import json
import os
import signal

import pytest
from support import real_gunicorn
from support.clock import wait_until
from support.rawhttp import Client, ProtocolError, request
from support.server import APPS, Server

pytestmark = pytest.mark.licorne_only  # it runs both by itself

CLOSE = {"Connection": "close"}
REQUESTS = (
    request("/x%20y?a=b", headers={**CLOSE, "X-Foo": "bar", "x-foo": "baz"}),
    request("/made", "POST", headers={**CLOSE, "Content-Type": "t/t"}, body=b"12345"),
    request("/late", headers=CLOSE),
    request("/fail", headers=CLOSE),
    request("/hijack", headers=CLOSE),
    request("/", version="HTTP/1.0", headers={}),
)


class Journal:
    def __init__(self, server):
        self.path = server.dir / "journal"
        self.master = server.pid

    def lines(self):
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def pids(self, name):
        return [pid for what, pid, _ in self.lines() if what == name]

    def count(self, name):
        return len(self.pids(name))

    def of_master(self):
        return [(name, seen) for name, pid, seen in self.lines() if pid == self.master]

    def of_worker(self, pid):
        return [(name, seen) for name, by, seen in self.lines() if by == pid]


def ask(server):
    """One connection each, for Gunicorn's sync worker keeps none; what is answered is not asked."""
    for number, text in enumerate(REQUESTS, 1):
        with Client(server) as c, contextlib.suppress(ProtocolError, ConnectionError):
            c.send(text)
            c.read_response()
        journal = Journal(server)
        wait_until(lambda n=number, j=journal: j.count("post_request") == n, 10, "post_request")


def story(kind):
    """-> (exit status, the master's lines, those of its workers in order of age)"""
    path = os.pathsep.join([str(APPS), str(real_gunicorn.path() or "")])
    server = Server(
        "hooked:app",
        conf="from hook_journal import *\n",
        kind=kind,
        threads=0,
        env={"PYTHONPATH": path},
    )
    with contextlib.ExitStack() as stack:
        stack.callback(server.cleanup)
        server.start()
        stack.callback(server.kill)
        journal = Journal(server)
        wait_until(lambda: journal.count("post_worker_init") == 1, 10, "the first worker")
        ask(server)
        server.signal(signal.SIGTTIN)
        wait_until(lambda: journal.count("post_worker_init") == 2, 10, "the second worker")
        server.signal(signal.SIGTTOU)
        wait_until(lambda: journal.count("child_exit") == 1, 10, "the first worker's end")
        os.kill(journal.pids("post_worker_init")[1], signal.SIGQUIT)
        wait_until(lambda: journal.count("post_worker_init") == 3, 10, "the third worker")
        server.signal(signal.SIGTERM)
        status = server.wait_exit()
        workers = [journal.of_worker(pid) for pid in journal.pids("post_worker_init")]
        return status, journal.of_master(), workers


@pytest.fixture(scope="module")
def stories():
    assert real_gunicorn.path() is not None, "Gunicorn cannot be installed from here"
    return story("gunicorn"), story("licorne")


def names(lines):
    return [name for name, _ in lines]


def test_the_masters_hooks(stories):
    theirs, ours = stories
    assert ours[0] == theirs[0] == 0
    assert names(ours[1]) == names(theirs[1])
    assert ours[1] == theirs[1]


def test_the_workers_hooks(stories):
    theirs, ours = stories
    assert len(ours[2]) == 3
    for mine, other in zip(ours[2], theirs[2], strict=True):
        assert names(mine) == names(other)
        assert mine == other
