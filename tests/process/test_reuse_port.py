"""Sockets of each worker's own (reuse_port): none of their queues is ever left alone, or reset.

The kernel chooses a socket by the client's address and port. With two sockets and 40 connections
one of them gets none once in a million million runs.
"""

import json
import os
import pathlib
import signal
import socket
import threading

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch, request
from support.server import is_running

pytestmark = pytest.mark.licorne_only  # gunicorn's workers bind each their own, and lose its queue

MANY = 40
ASK = request("/whoami", headers={"Connection": "close"})


@pytest.fixture
def serve_reuse(serve):
    def start(workers, app="sharing:app", *args, **kw):
        return serve(app, "--reuse-port", *args, workers=workers, **kw)

    return start


def who(server):
    return json.loads(fetch(server, "/whoami", headers={"Connection": "close"}).body)


def takers(server, count=MANY):
    """The pids of the workers that answer so many new connections."""
    return [who(server) for _ in range(count)]


def wait_settled(server, count):
    """Until so many workers take connections, each from its own socket."""

    def is_settled():
        return len(server.worker_pids()) == count and len(set(takers(server))) == count

    wait_until(is_settled, 20, f"{count} workers that take connections")


def freeze(pid):
    """SIGSTOP, and until no thread of it runs any more."""
    os.kill(pid, signal.SIGSTOP)

    def is_frozen():
        tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
        return all((t / "stat").read_text().rpartition(")")[2].split()[0] == "T" for t in tasks)

    wait_until(is_frozen, 10, f"{pid} stopped")


class Queue:
    """Clients that have asked, and their answers."""

    def __init__(self, server, count=MANY):
        self.clients = [Client(server, timeout=20).send(ASK) for _ in range(count)]

    def answers(self):
        """The pids of those who answered all of them; a reset, or silence, is an error."""
        pids = [json.loads(c.read_response().body) for c in self.clients]
        for c in self.clients:
            c.close()
        return pids

    def unanswered(self):
        """How many have none after a while."""
        return sum(c.is_quiet(0.02) for c in self.clients)


class Load:
    """Clients that open a connection for each request, one after the other, and count."""

    def __init__(self, server, clients=4):
        self.address = server.address
        self.is_over = False
        self.answered = 0
        self.failures = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.is_over = True
        for t in self.threads:
            t.join()

    def run(self):
        while not self.is_over:
            failure = self.ask()
            with self.lock:
                self.answered += failure is None
                self.failures += [failure] if failure else []

    def ask(self):
        """-> what went wrong"""
        answer = b""
        try:
            with socket.create_connection(self.address, timeout=deadline(10)) as s:
                s.sendall(ASK)
                while more := s.recv(4096):
                    answer += more
        except OSError as error:
            return f"{type(error).__name__}: {error} after {answer!r}"
        return None if answer.startswith(b"HTTP/1.1 200 ") else f"answer {answer!r}"

    def wait_answers(self, more):
        until = self.answered + more
        wait_until(lambda: self.answered >= until, 20, f"{more} answers")


@pytest.mark.asan_ci
def test_all_workers_get_connections(serve_reuse):
    s = serve_reuse(4)
    wait_settled(s, 4)
    pids = takers(s, 200)
    assert set(pids) == set(s.worker_pids())
    assert max(pids.count(p) for p in pids) < 100
    assert f"Listening at:  ({s.pid})" in s.log()  # as gunicorn has it
    assert f"Listening at: http://127.0.0.1:{s.port}, with 4 sockets (reuse_port)" in s.log()


def test_other_kinds_of_sockets_are_shared(serve_reuse):
    s = serve_reuse(2, bind=["ipv4", "unix", "ipv6"])
    assert f"Listening at: unix:{s.addresses[1]} ({s.pid})" in s.log()
    for address in s.addresses:
        with Client(address) as c:
            assert json.loads(c.get("/whoami").body) in s.worker_pids()


@pytest.mark.asan_ci
def test_connections_that_wait_while_all_boot_are_answered(serve_reuse):
    s = serve_reuse(2, "booting:app", start=False, env={"BOOT": "wait"})
    (s.dir / "slow").touch()
    s.spawn()
    s.wait_for_mark("importing")
    queue = Queue(s)
    assert queue.unanswered() == MANY
    (s.dir / "go").touch()
    assert set(queue.answers()) <= set(s.worker_pids())


def test_siblings_serve_while_a_slow_application_boots(serve_reuse):
    s = serve_reuse(2, "booting:app", env={"BOOT": "wait"})
    wait_settled(s, 2)
    killed, left = s.worker_pids()
    (s.dir / "slow").touch()
    os.kill(killed, signal.SIGKILL)
    booting = int(s.wait_for_mark("importing"))
    assert set(Queue(s).answers()) == {left}
    (s.dir / "go").touch()
    wait_settled(s, 2)
    assert set(s.worker_pids()) == {left, booting}


@pytest.mark.asan_ci
def test_killed_worker_leaves_its_queue_to_others(serve_reuse):
    """Only the request inside it is lost."""
    s = serve_reuse(2)
    wait_settled(s, 2)
    with Client(s, timeout=20) as inside:
        pid = json.loads(inside.get("/whoami").body)
        inside.send(request("/keep?name=held"))
        s.wait_for_mark("held")
        freeze(pid)
        queue = Queue(s)
        assert 0 < queue.unanswered() < MANY
        os.kill(pid, signal.SIGKILL)
        assert len(queue.answers()) == MANY
        inside.expect_gone()
    wait_settled(s, 2)


def test_kill_under_load_loses_no_more_than_was_inside(serve_reuse):
    s = serve_reuse(4)
    wait_settled(s, 4)
    with Load(s) as load:
        load.wait_answers(100)
        os.kill(s.worker_pids()[0], signal.SIGKILL)
        load.wait_answers(400)
    assert len(load.failures) <= len(load.threads), load.failures
    wait_settled(s, 4)


@pytest.mark.asan_ci
def test_sockets_of_slots_that_are_gone_for_good_are_served(serve_reuse):
    """Clients that connect anew for each request do not see that workers go, nor afterwards."""
    s = serve_reuse(4)
    wait_settled(s, 4)
    with Load(s) as load:
        for count in (3, 2, 1):
            load.wait_answers(50)
            s.signal(signal.SIGTTOU)
            wait_until(lambda n=count: len(s.worker_pids()) == n, 20, f"{count} workers")
        load.wait_answers(200)
    assert not load.failures
    assert set(Queue(s).answers()) == set(s.worker_pids())


def test_what_waits_at_a_slot_that_goes_is_answered(serve_reuse):
    s = serve_reuse(2)
    wait_settled(s, 2)
    oldest, left = s.worker_pids()
    freeze(oldest)
    queue = Queue(s)
    assert 0 < queue.unanswered() < MANY
    s.signal(signal.SIGTTOU)
    s.wait_log("Handling signal: ttou")
    os.kill(oldest, signal.SIGCONT)
    assert len(queue.answers()) == MANY
    wait_until(lambda: s.worker_pids() == [left], 20, "one worker")


def test_worker_that_is_added_shares_a_socket(serve_reuse):
    s = serve_reuse(2)
    wait_settled(s, 2)
    first = s.worker_pids()[0]
    with Load(s) as load:
        s.signal(signal.SIGTTIN)
        wait_settled(s, 3)
        s.signal(signal.SIGTTOU)
        wait_until(lambda: not is_running(first), 20, "the oldest gone")
        wait_settled(s, 2)
        load.wait_answers(100)
    assert not load.failures


def test_no_worker_keeps_the_port_when_the_master_is_gone(serve_reuse):
    """Not even with a sibling's socket, while it finishes a call."""
    s = serve_reuse(2, expect_errors=True)
    wait_settled(s, 2)
    pids = s.worker_pids()
    with Client(s, timeout=20) as inside:
        pid = json.loads(inside.get("/whoami").body)
        inside.send(request("/keep?name=held"))
        s.wait_for_mark("held")
        s.process.kill()

        def is_refused():
            with socket.socket() as c:
                return c.connect_ex(s.address) != 0

        wait_until(is_refused, 20, "nobody listens", 0.1)
        assert is_running(pid)
        (s.dir / "held-go").touch()
        assert inside.read_response().status == 200
    wait_until(lambda: not any(map(is_running, pids)), 20, "no worker left")
