"""What every worker does is known to every other, by memory that they share."""

import contextlib
import json
import os
import signal

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.licorne_only  # gunicorn has none

ONE = ("--threads", "1")  # also where the suite runs with more


def board(server):
    """As a worker that is free reads it; the request that asks is in it."""
    return json.loads(fetch(server, "/scoreboard", headers={"Connection": "close"}).body)


def calls(slots, path):
    return [c for slot in slots for c in slot["calls"] if c["target"].split("?")[0] == path]


def total(slots, *keys):
    def value(slot):
        for key in keys:
            slot = slot[key]
        return slot

    return sum(value(slot) for slot in slots)


def release(server):
    (server.dir / "release").touch()


@contextlib.contextmanager
def held(server, who):
    """A call that waits for the test."""
    with Client(server) as c:
        c.send(request(f"/hold?who={who}"))
        server.wait_for_mark(f"held-{who}")
        yield c
        release(server)
        assert c.read_response().status == 200


class Watched:
    """A call of the server's that shows the board from inside, while nobody else is free to."""

    def __init__(self, server):
        self.server = server
        self.client = Client(server)
        self.client.send(request("/watch_board"))
        server.wait_for_mark("board")

    def slots(self):
        return json.loads((self.server.dir / "board").read_text())

    def end(self):
        release(self.server)
        assert self.client.read_response().body == b"released"
        self.client.close()


@pytest.mark.asan_ci
def test_call_of_another_worker_is_seen(serve):
    s = serve("zoo:app", *ONE, workers=2)
    with held(s, "a"):
        slots = board(s)
        (call,) = calls(slots, "/hold")
        assert call["method"] == "GET"
        assert call["target"] == "/hold?who=a"
        assert call["target_length"] == len("/hold?who=a")
        assert call["client"] == "127.0.0.1"
        assert call["phase"] == "app"
        (slot,) = [slot for slot in slots if call in slot["calls"]]
        assert slot["pid"] in s.worker_pids()
        assert slot["pid"] == call["thread"]  # sync: its main thread
        assert slot["life"] == "serving" and slot["free"] == 0
        (number,) = [i for i, other in enumerate(slots) if other is slot]
        wait_until(lambda: board(s)[number]["connections"]["call"] == 1, 5, "the watcher's look")
        before = call["seconds"]
        assert slot["call_seconds"] == before
        wait_until(lambda: calls(board(s), "/hold")[0]["seconds"] > before + 0.1, 5, "it ages")
    wait_until(lambda: calls(board(s), "/hold") == [], 5, "it is over")


def test_long_target_is_cut_and_its_length_told(serve):
    s = serve("zoo:app", *ONE)
    target = "/watch_board?" + "x" * 1000
    with Client(s) as c:
        c.send(request(target))
        slots = json.loads(s.wait_for_mark("board"))
        (call,) = calls(slots, "/watch_board")
        assert len(call["target"]) >= 128 and target.startswith(call["target"])
        assert call["target_length"] == len(target)
        release(s)
        assert c.read_response().status == 200


def test_phase_tells_what_a_call_waits_for(serve):
    s = serve("zoo:app", "--no-body-buffering", *ONE, workers=2)
    with Client(s) as upload:
        upload.send(request("/read_steps", "POST", headers={"Content-Length": 10}) + b"first")
        s.wait_for_mark("first")
        wait_until(lambda: [c["phase"] for c in calls(board(s), "/read_steps")] == ["input"])
        upload.send(b" last")
        assert upload.read_response().status == 200


def test_phase_tells_of_a_slow_reader(serve):
    s = serve("zoo:app", *ONE, conf="response_memory = 10000\nresponse_file = 0\n", workers=2)
    with Client(s, rcvbuf=4096) as reader:
        reader.send(request("/large?n=8000000&how=pieces"))
        wait_until(lambda: [c["phase"] for c in calls(board(s), "/large")] == ["output"])
        assert len(reader.read_response().body) == 8_000_000


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [ONE, ["--threads", "3"]])
def test_counters_add_up_over_workers(serve, options):
    s = serve("zoo:app", *options, workers=2)
    before = board(s)
    for code, n in ((200, 5), (302, 3), (404, 2), (503, 4)):
        for i in range(n):  # some on kept connections, some on new ones
            with Client(s) as c:
                for _ in range(1 + i % 2):
                    assert c.get(f"/status?s={code}%20x").status == code
    with Client(s) as c:
        c.send(b"GARBAGE\r\n\r\n")
        assert c.read_response().status == 400

    def grown(*keys):
        return total(board(s), *keys) - total(before, *keys)

    # The board's own requests, of before and between, are 2xx.
    wait_until(lambda: grown("status", "4xx") == 3 + 1, 5, "all were counted")
    assert grown("status", "3xx") == 4
    assert grown("status", "5xx") == 6
    slots = board(s)
    answered = sum(total(slots, "status", key) for key in slots[0]["status"])
    assert total(slots, "requests") == answered
    assert total(slots, "status", "broken") == 0
    # What the server answered itself was no call.
    by_server = total(slots, "requests") - total(slots, "latency", "count")
    assert by_server == total(slots, "status", "4xx") - 3 > 0
    assert sum(n for slot in slots for _, n in slot["latency"]["cells"]) == total(
        slots, "latency", "count"
    )


def test_latency_is_from_the_request_to_the_end_of_its_call(serve):
    s = serve("zoo:app", *ONE)
    with Client(s) as waits:
        watched = Watched(s)
        waits.send(request("/ping"))
        wait_until(lambda: (watched.slots()[0]["queued_seconds"] or 0) > 0.3, 5, "it has waited")
        watched.end()
        assert waits.read_response().body == b"pong"
    (slot,) = board(s)
    assert sum(n for least, n in slot["latency"]["cells"] if least > 250_000) == 2
    assert slot["latency"]["sum_us"] > 600_000
    assert slot["latency"]["p99_us"] > 300_000


def test_connections_are_counted_by_state(serve):
    s = serve("zoo:app", *ONE, workers=2)
    clients = [Client(s) for _ in range(5)]
    for c in clients[:3]:
        assert c.get("/ping").body == b"pong"
    clients[3].send(b"GET / HTTP/1.1\r\n")  # and no more of it
    clients[4].send(request("/ping", "POST", headers={"Content-Length": 10}) + b"part")

    def states():
        slots = board(s)
        return [total(slots, "connections", key) for key in ("idle", "head", "body")]

    wait_until(lambda: states() == [3, 1, 1], 5, "three idle, one in its head, one in its body")
    for c in clients:
        c.close()
    wait_until(lambda: states() == [0, 0, 0], 5, "all gone")


@pytest.mark.parametrize("options", [ONE, ["--threads", "2"]])
def test_queue_is_seen_while_all_threads_are_busy(serve, options):
    s = serve("zoo:app", *options)
    with contextlib.ExitStack() as stack:
        if options != ONE:
            stack.enter_context(held(s, "a"))
        watched = Watched(s)
        (slot,) = watched.slots()
        assert slot["queued"] == 0 and slot["queued_seconds"] is None
        waiting = [stack.enter_context(Client(s)) for _ in range(3)]
        for c in waiting:
            c.send(request("/ping"))
        wait_until(lambda: watched.slots()[0]["queued"] == 3, 5, "three wait")
        before = watched.slots()[0]["queued_seconds"]
        wait_until(lambda: watched.slots()[0]["queued_seconds"] > before + 0.1, 5, "they age")
        assert watched.slots()[0]["free"] == 0
        assert len(watched.slots()[0]["calls"]) == (1 if options == ONE else 2)
        watched.end()
        for c in waiting:
            assert c.read_response().body == b"pong"
    wait_until(lambda: board(s)[0]["queued"] == 0, 5, "none waits")


def test_free_threads_are_those_that_could_take_a_request(serve):
    s = serve("zoo:app", "--threads", "3", workers=1)
    assert board(s)[0]["free"] == 2  # one shows the board
    with held(s, "a"):
        assert board(s)[0]["free"] == 1


@pytest.mark.asan_ci
def test_slot_of_a_worker_that_died_is_cleared_and_its_counters_stay(serve):
    s = serve("zoo:app", *ONE, workers=2, expect_errors=True)
    with Client(s) as c:
        c.send(request("/hold?who=a"))
        s.wait_for_mark("held-a")
        (slot,) = [slot for slot in board(s) if calls([slot], "/hold")]
        pid, index = slot["pid"], slot["index"]
        os.kill(pid, signal.SIGKILL)
        c.expect_gone()
    wait_until(lambda: board(s)[index]["pid"] != pid, 5, "it was reaped")
    after = board(s)[index]
    assert after["pid"] == 0 or after["life"] != "empty"
    assert calls([after], "/hold") == []
    assert after["connections"]["call"] <= 1  # the board's own, perhaps
    assert after["requests"] >= slot["requests"]
    wait_until(lambda: board(s)[index]["life"] == "serving", 10, "another serves there")
    assert board(s)[index]["pid"] in s.worker_pids()


def test_beat_goes_on_while_idle_and_while_gthread_is_full(serve):
    s = serve("zoo:app", "--threads", "2", workers=1)
    with held(s, "a"):
        watched = Watched(s)

        def is_old():
            return watched.slots()[0]["call_seconds"] > 2.5

        wait_until(is_old, 10, "calls are old")
        assert watched.slots()[0]["beat_seconds"] < 1.5
        watched.end()


def test_beat_stops_while_a_call_keeps_the_interpreter(serve):
    """Threads that hold the GIL for good are a stuck worker, though its engine goes on."""
    s = serve("zoo:app", "--threads", "2", workers=2)
    with Client(s) as c:
        c.send(request("/keep_gil?seconds=4"))
        s.wait_for_mark("kept")

        def silent():
            return max(slot["beat_seconds"] for slot in board(s)) > 2.2

        wait_until(silent, 10, "a worker is silent")
        assert c.read_response().status == 200
    wait_until(lambda: max(slot["beat_seconds"] for slot in board(s)) < 2, 5, "it beats again")
