"""Sockets of each worker's own (reuse_port): none of their queues is ever left alone, or reset.

The kernel chooses a socket by the client's address and port. With two sockets and 40 connections
one of them gets none once in a million million runs.
"""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import threading

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch, request
from support.server import children, free_port, is_running

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


class Ports:
    """The same client ports again and again: the kernel gives each to the same socket.

    Which so has one worker when nobody else accepts there, and several that take turns otherwise.
    """

    def __init__(self, server, count=20):
        self.address = server.address
        self.ports = [self.ask(0)[0] for _ in range(count)]

    def ask(self, port):
        """-> its number, and the pid of the worker that answered"""
        with socket.socket() as s:
            s.settimeout(deadline(10))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.9", port))  # where nobody else's connections come from
            s.connect(self.address)
            port = s.getsockname()[1]
            s.sendall(ASK)
            answer = b""
            while more := s.recv(4096):
                answer += more
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return port, int(answer.rpartition(b"\r\n")[2])

    def takers(self):
        """Of each port, those who answered it."""
        return [{self.ask(port)[1] for _ in range(5)} for port in self.ports]

    def wait_one_each(self, count):
        """Until each of so many workers is the only one at its socket."""

        def is_so():
            takers = self.takers()
            return all(len(pids) == 1 for pids in takers) and len(set().union(*takers)) == count

        wait_until(is_so, 20, f"{count} workers, each with a socket of its own")


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


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [(), ("--threads", "4")])
def test_heirs_take_the_sockets_over(serve_reuse, options):
    """Clients that connect anew for each request do not see HUPs; after each all is as it was."""
    s = serve_reuse(3, "sharing:app", *options)
    ports = Ports(s)
    ports.wait_one_each(3)
    for _ in range(3):
        old = s.worker_pids()
        with Load(s) as load:
            s.signal(signal.SIGHUP)
            wait_until(lambda old=old: not any(map(is_running, old)), 20, "the old ones' end")
            load.wait_answers(100)
        assert not load.failures
        ports.wait_one_each(3)


def test_heirs_of_spent_workers_take_their_sockets_over(serve_reuse):
    s = serve_reuse(3, "sharing:app", "--max-requests", "100")
    with Load(s, 2) as load:
        wait_until(lambda: s.log().count("Booting worker") >= 3 + 4, 20, "four heirs")
    assert not load.failures
    Ports(s, 8).wait_one_each(3)


def test_who_replaces_a_killed_heir_has_its_socket(serve_reuse):
    s = serve_reuse(3)
    old = s.worker_pids()
    s.signal(signal.SIGHUP)
    wait_until(lambda: not any(map(is_running, old)), 20, "the old ones' end")
    os.kill(s.worker_pids()[0], signal.SIGKILL)
    Ports(s).wait_one_each(3)


@pytest.fixture
def upgraded(serve_reuse):
    """Starts a new master beside a server -> its pid; it is gone in the end."""
    masters = []

    def start(s):
        at = len(s.log())
        s.signal(signal.SIGUSR2)
        found = wait_until(
            lambda: re.search(rf"Listening at:  \((?!{s.pid}\))(\d+)\)", s.log()[at:]),
            20,
            "the new",
        )
        masters.append(int(found.group(1)))
        return masters[-1]

    yield start
    for pid in masters:
        workers = children(pid)
        if is_running(pid):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda pids=(pid, *workers): not any(map(is_running, pids)), 20, "its end")


def test_an_upgrade_hands_the_sockets_on(serve_reuse, upgraded):
    s = serve_reuse(3)
    wait_settled(s, 3)
    with Load(s) as load:
        new = upgraded(s)
        assert f"http://127.0.0.1:{s.port}, with 3 sockets (reuse_port)" in s.new_log()
        wait_until(lambda: set(children(new)) & set(takers(s, 5)), 20, "an answer of the new one")
        s.signal(signal.SIGTERM)
        assert s.process.wait(20) == 0
        wait_until(lambda: "Master has been promoted." in s.log(), 20, "the promotion")
        load.wait_answers(100)
    assert not load.failures
    assert len(children(new)) == 3
    Ports(s).wait_one_each(3)


def test_a_new_master_that_leaves_again_takes_no_socket_along(serve_reuse, upgraded):
    s = serve_reuse(3)
    ports = Ports(s)
    with Load(s) as load:
        new = upgraded(s)
        wait_until(lambda: set(children(new)) & set(takers(s, 5)), 20, "an answer of the new one")
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: "this one serves on" in s.log(), 20, "its end")
        load.wait_answers(100)
    assert not load.failures
    ports.wait_one_each(3)


def test_a_hup_that_moves_to_another_address_and_other_workers(serve_reuse):
    """The old address is served until none of its workers is left; one that stays sets the count."""
    stays, first, second = (free_port() for _ in range(3))
    conf = "workers = {}\nbind = ['127.0.0.1:{}', '127.0.0.1:{}']\n"
    s = serve_reuse(3, bind=[], start=False, conf=conf.format(3, stays, first))
    command = s.command_line
    s.command_line = lambda: [word for word in command() if word not in ("-w", "3")]
    s.spawn()
    s.wait_ready(("127.0.0.1", first))
    s.wait_log(r"(?s)(Booting worker.*){3}")
    old = s.worker_pids()
    (s.dir / "conf.py").write_text(conf.format(4, stays, second))
    s.signal(signal.SIGHUP)
    wait_until(lambda: not any(map(is_running, old)), 20, "the old ones' end")
    assert f"http://127.0.0.1:{stays},http://127.0.0.1:{second}, with 3 sockets" in s.log()
    for port in (stays, second):
        s.addresses = [("127.0.0.1", port)]
        assert set(takers(s)) <= set(s.worker_pids())
