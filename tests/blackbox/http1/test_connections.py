"""Many connections, and what happens when there are too many or no descriptors left."""

import contextlib
import re
import resource

import pytest
from support.clock import deadline, duration, wait_until
from support.rawhttp import Client, fetch, request


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_the_longest_idle_makes_room(serve):
    s = serve("zoo:app", "--worker-connections", "5")
    clients = []
    for _ in range(5):
        c = Client(s)
        c.get("/ping")
        clients.append(c)
    clients[0].get("/ping")  # so that the second is the longest idle now
    with Client(s) as newcomer:
        assert newcomer.get("/ping").status == 200
        clients[1].expect_close()
        for c in [clients[0], *clients[2:]]:
            assert c.get("/ping").status == 200
            c.close()


@pytest.mark.licorne_only
def test_without_idle_ones_the_longest_in_its_head_makes_room(serve):
    s = serve("zoo:app", "--worker-connections", "5")
    slow = []
    for _ in range(5):
        c = Client(s)
        c.send(b"GET / HTTP/1.1\r\n")
        slow.append(c)
    assert fetch(s, "/ping").status == 200
    slow[0].expect_gone()
    slow[4].send(b"Host: x\r\n\r\n")
    assert slow[4].read_response().status == 200


@pytest.mark.licorne_only
def test_churn_at_the_limit(serve):
    s = serve("zoo:app", "--worker-connections", "10")
    kept = []
    for _ in range(duration(200)):
        c = Client(s)
        c.send(request("/ping"))
        assert c.read_response().body == b"pong"
        kept.append(c)
    for c in kept:
        c.close()
    assert fetch(s, "/ping").status == 200


def test_a_thousand_idle_connections(serve):
    s = serve()
    before = s.fd_count()
    clients = [Client(s) for _ in range(500)]
    for c in clients:
        c.send(request("/ping"))
    for c in clients:
        assert c.read_response().body == b"pong"
    for c in clients[::7]:
        c.expect_open()
    for c in clients:
        c.close()
    s.wait_fds(before + 1)


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_out_of_descriptors(serve):
    """Refused or delayed while there are none, logged rarely, and back by itself."""
    s = serve(preexec_fn=few_descriptors)
    clients = []
    for _ in range(100):
        c = Client(s)
        c.send(request("/ping"))
        clients.append(c)
    served = 0
    for c in clients[:10]:
        c.sock.settimeout(deadline(3))
        with contextlib.suppress(AssertionError, OSError):
            served += c.read_response().status == 200
    assert served  # those who had a descriptor were served
    for c in clients:
        c.close()
    wait_until(lambda: answers(s), 15, "recovery")
    lines = re.findall(r"\[(?:ERROR|WARNING|CRITICAL)\].*", s.new_log())
    assert len(lines) <= 20, lines
    assert s.process.poll() is None and len(s.worker_pids()) == 1


def answers(server):
    try:
        return fetch(server, "/ping", headers={"Connection": "close"}).status == 200
    except (AssertionError, OSError):
        return False


@pytest.mark.slow
def test_connections_come_and_go_without_a_trace(serve):
    s = serve()
    for _ in range(200):
        fetch(s, "/ping")
    fds, memory = s.fd_count(), s.rss_kb()
    for _ in range(duration(2000)):
        fetch(s, "/ping")
    s.wait_fds(fds + 1)
    s.check_memory(memory, 2000)


@pytest.mark.asan_ci
@pytest.mark.licorne_only
@pytest.mark.parametrize("ending", ["close", "reset", "idle"])
def test_when_all_are_answering_the_next_waits_for_the_first_that_ends(serve, ending):
    s = serve("zoo:app", "--worker-connections", "2")
    readers = []
    headers = {"Connection": "close"} if ending == "close" else {}
    for _ in range(2):  # one by one: a silent connection would make room for the next
        c = Client(s, rcvbuf=4096)
        readers.append(c)
        c.send(request("/large?n=8000000", headers=headers))
        c.read_head()
    with Client(s) as waiting:
        waiting.send(request("/ping"))
        assert waiting.is_quiet(0.3)
        if ending == "reset":
            readers[0].reset()
        else:
            while len(readers[0].buffer) < 8_000_000 and readers[0].fill():
                pass
        assert waiting.read_response().body == b"pong"
        assert waiting.get("/ping").body == b"pong"
    for c in readers:
        c.close()
    assert fetch(s, "/ping").status == 200
