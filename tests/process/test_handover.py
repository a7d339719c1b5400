"""A request that finds no thread where its connection is goes to a worker that has one."""

import collections
import hashlib
import json
import os
import pathlib
import signal
import threading
import time

import pytest
from support.clock import duration, time_factor, wait_until
from support.rawhttp import Client, chunk, fetch, request
from support.server import is_running

pytestmark = pytest.mark.licorne_only  # gunicorn's connections stay where they are


def client_of(server, pid):
    """A kept-alive client of this worker."""
    for _ in range(200):
        c = Client(server, timeout=60)
        if who(c) == pid:
            return c
        c.close()
    raise AssertionError(f"no connection of two hundred went to {pid}")


def who(client):
    return json.loads(client.get("/whoami").body)


class Held:
    """A worker inside a call that ends when it is released."""

    def __init__(self, server, pid=None):
        self.server = server
        self.client = client_of(server, pid) if pid else Client(server)
        self.pid = who(self.client)
        self.name = f"held-{self.pid}"
        self.client.send(request(f"/keep?name={self.name}"))
        server.wait_for_mark(self.name)

    def release(self):
        (self.server.dir / f"{self.name}-go").touch()
        assert self.client.read_response().text == str(self.pid)
        self.client.close()
        (self.server.dir / self.name).unlink()
        (self.server.dir / f"{self.name}-go").unlink()


@pytest.fixture
def busy(serve):
    """Two workers; one is inside a call, and has another client besides."""
    s = serve("sharing:app", workers=2)
    wait_until(lambda: len(s.worker_pids()) == 2, what="two workers")
    kept = Client(s, timeout=60)
    pid = who(kept)
    held = Held(s, pid)
    yield s, held, kept
    held.release()
    kept.close()


@pytest.mark.asan_ci
def test_kept_alive_client_is_answered_by_the_sibling_and_stays_there(busy):
    s, held, kept = busy
    other = who(kept)
    assert other != held.pid and other in s.worker_pids()
    assert who(kept) == other


@pytest.mark.asan_ci
@pytest.mark.parametrize("size", [10, 60_000, 600_000], ids=["small", "memory", "file"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_bodies_and_what_follows_them_move(busy, size, coding):
    s, held, kept = busy
    body = os.urandom(size)
    if coding == "length":
        wire = request("/digest", "POST", headers={"Content-Length": size}) + body
    else:
        wire = request("/digest", "POST", headers={"Transfer-Encoding": "chunked"})
        wire += chunk(body[:7]) + chunk(body[7:]) + b"0\r\n\r\n"
    kept.send(wire + request("/whoami"))
    answer = json.loads(kept.read_response().body)
    other = json.loads(kept.read_response().body)
    assert answer == {"pid": other, "sha256": hashlib.sha256(body).hexdigest(), "length": size}
    assert other != held.pid


def test_client_that_dribbles_is_answered_by_the_sibling_once_it_is_complete(busy):
    s, held, kept = busy
    kept.send_bytewise(request("/whoami"))
    assert json.loads(kept.read_response().body) != held.pid


def test_address_of_the_client_and_its_fields_move(busy):
    s, held, kept = busy
    kept.send(request("/about?a=b", headers={"X-Some": "thing"}))
    about = json.loads(kept.read_response().body)
    assert about["pid"] != held.pid
    assert about["peer"] == list(map(str, kept.sock.getsockname()[:2]))
    assert about["some"] == "thing" and about["query"] == "a=b"


def test_request_waits_while_all_are_busy_for_the_first_that_is_free(serve):
    s = serve("sharing:app", workers=2)
    first = Held(s)
    (other,) = set(s.worker_pids()) - {first.pid}
    second = Held(s, other)
    waiting = Client(s, timeout=60)
    waiting.send(request("/whoami"))
    assert waiting.is_quiet(0.3)
    second.release()
    assert json.loads(waiting.read_response().body) == other
    first.release()
    waiting.close()


def test_worker_that_is_added_later_takes_part(serve):
    s = serve("sharing:app", workers=1)
    kept = Client(s, timeout=60)
    held = Held(s, who(kept))
    kept.send(request("/whoami"))
    assert kept.is_quiet(0.3)
    s.signal(signal.SIGTTIN)
    other = json.loads(kept.read_response().body)
    assert other != held.pid and other in s.worker_pids()
    held.release()
    kept.close()


def test_full_queue_is_no_reason_to_refuse_while_a_sibling_is_free(serve):
    s = serve("sharing:app", "--queue-size", "1", workers=2)
    wait_until(lambda: len(workers_seen(s)) == 2, 20, "two workers at work")
    kept = [Client(s, timeout=60)]
    pid = who(kept[0])
    kept.append(client_of(s, pid))
    held = Held(s, pid)
    for c in kept:  # at once: the first is to be in the queue still
        c.send(request("/whoami"))
    assert {c.read_response().status for c in kept} == {200}
    held.release()
    for c in kept:
        c.close()


@pytest.mark.asan_ci
def test_nothing_is_lost_with_a_worker_that_dies_before_it_takes_what_is_its(serve):
    """It is stopped while it seems free, so all that the busy one cannot serve waits for it."""
    s = serve("sharing:app", workers=2, expect_errors=True)
    wait_until(lambda: len(workers_seen(s)) == 2, 20, "two workers at work")
    kept = [Client(s, timeout=60)]
    pid = who(kept[0])
    kept += [client_of(s, pid) for _ in range(4)]
    held = Held(s, pid)
    (other,) = set(s.worker_pids()) - {pid}
    wait_until(lambda: is_asleep(other), what="the free worker at rest")
    os.kill(other, signal.SIGSTOP)
    for c in kept:
        c.send(request("/whoami"))
    # They have left the busy worker when none of their connections is its own any more.
    wait_until(lambda: not any(is_held_by(pid, c) for c in kept), 10, "requests handed over")
    assert all(c.is_quiet(0.01) for c in kept)
    os.kill(other, signal.SIGKILL)
    answers = {json.loads(c.read_response().body) for c in kept}
    assert len(answers) == 1 and not answers & {pid, other}
    assert not is_running(other) and answers <= set(s.worker_pids())
    held.release()
    for c in kept:
        c.close()


def is_asleep(pid):
    """Every thread: then what it last did is in the scoreboard."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return all((t / "stat").read_text().rpartition(")")[2].split()[0] == "S" for t in tasks)


def is_held_by(pid, client):
    """Whether the process has the other end of this client's connection among its descriptors."""
    port = f":{client.sock.getsockname()[1]:04X}"
    inode = None
    with open("/proc/net/tcp") as table:
        for line in table:
            words = line.split()
            if words[2].endswith(port):
                inode = f"socket:[{words[9]}]"
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}") == inode:
                return True
        except FileNotFoundError:
            pass
    return False


def test_stopped_worker_finishes_what_waited_for_it(serve):
    """TTOU ends the busy one: what waits there is answered by the other or by itself, not lost."""
    s = serve("sharing:app", workers=2)
    held = [Held(s)]
    (other,) = set(s.worker_pids()) - {held[0].pid}
    waiting = [client_of(s, other) for _ in range(3)]
    held.append(Held(s, other))
    for c in waiting:
        c.send(request("/whoami"))
    os.kill(other, signal.SIGTERM)
    held[0].release()
    for c in waiting:
        assert json.loads(c.read_response().body) in (held[0].pid, other)
        c.close()
    held[1].release()


# --- figures: strict in verify, wide here --------------------------------------------------------


def at_once(clients, target):
    """All ask together. -> seconds until the last had its answer."""
    start = threading.Barrier(len(clients) + 1)

    def ask(client):
        start.wait()
        client.send(request(target))
        assert client.read_response().status == 200

    threads = [threading.Thread(target=ask, args=(c,)) for c in clients]
    for t in threads:
        t.start()
    start.wait()
    began = time.monotonic()
    for t in threads:
        t.join()
    return time.monotonic() - began


def ten_of_one(s):
    """Ten kept-alive clients, all of one worker: the hardest case."""
    pid = who(Client(s, timeout=60))
    return [client_of(s, pid) for _ in range(10)]


@pytest.mark.slow
def test_ten_sleeping_calls_take_the_time_of_one(serve):
    """Over clients that one worker has; full length (50 rounds, 1.5 s) is in verify."""
    s = serve("sharing:app", workers=10)
    seconds = float(os.environ.get("LICORNE_CALLS_WITHIN") or 2.5 * time_factor())
    for _ in range(duration(3)):
        clients = ten_of_one(s)
        took = at_once(clients, "/sleep?seconds=1")
        for c in clients:
            c.close()
        assert took < seconds


def test_ten_computing_calls_are_in_flight_together(serve):
    """By a journal of the application's own: each notes when it begins and when it ends."""
    s = serve("sharing:app", workers=10)
    clients = ten_of_one(s)
    took = at_once(clients, "/compute?steps=20000000")
    events = [json.loads(line) for line in (s.dir / "journal").read_text().splitlines()]
    assert len(events) == 20
    in_flight = most = 0
    for event in sorted(events, key=lambda e: e["at"]):
        in_flight += 1 if event["what"] == "begin" else -1
        most = max(most, in_flight)
    assert most == 10
    ratio = took / (sum(e.get("cpu", 0) for e in events) / len(os.sched_getaffinity(0)))
    assert ratio <= float(os.environ.get("LICORNE_CPU_RATIO") or "inf")
    for c in clients:
        c.close()


def test_light_load_is_spread(serve):
    """The kernel alone would wake the same worker for each of a hundred spaced connections."""
    s = serve("sharing:app", workers=4)
    wait_until(lambda: len(workers_seen(s)) == 4, 20, "four workers at work")
    taken = collections.Counter()
    for _ in range(100):
        taken[json.loads(fetch(s, "/whoami", headers={"Connection": "close"}).body)] += 1
    assert max(taken.values()) <= 40, taken


def workers_seen(s):
    headers = {"Connection": "close"}
    return {json.loads(fetch(s, "/whoami", headers=headers).body) for _ in range(12)}


@pytest.mark.slow
def test_short_requests_never_wait_for_a_long_call(serve):
    """Thirty kept-alive clients and ten that dribble, one worker in a long call."""
    s = serve("sharing:app", workers=10)
    most = float(os.environ.get("LICORNE_WAIT_MS") or 300 * time_factor())
    kept = [Client(s, timeout=60) for _ in range(30)]
    slow = [Client(s, timeout=60) for _ in range(10)]
    held = Held(s, who(kept[0]))
    waits = []
    wire = request("/sleep?seconds=0.001")
    for i in range(duration(600)):
        c = kept[i % len(kept)]
        began = time.monotonic()
        c.send(wire)
        c.read_response()
        waits.append(time.monotonic() - began)
        d, at = slow[i % len(slow)], i // len(slow) % len(wire)
        began = time.monotonic()
        d.send(wire[at : at + 1])
        if at == len(wire) - 1:
            d.read_response()
            waits.append(time.monotonic() - began)
    held.release()
    for c in kept + slow:
        c.close()
    assert max(waits) * 1000 < most, f"{max(waits) * 1000:.1f} ms"
