"""Clocks and long calls: while the application computes, others' time-outs are judged as ever.

The calls here last as long as the test says: it makes the file they wait for.
"""

import email.utils
import time

import pytest
from support.clock import deadline
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.licorne_only  # gunicorn's threads and sync worker keep other clocks

LIMIT = 1  # seconds of keepalive or header_timeout
LONG = 2.5  # a call that outlasts them


@pytest.fixture
def long_call(serve):
    """A server with short limits whose one thread is in a call, the client of it, and its end."""
    s = serve("zoo:app", "--keep-alive", str(LIMIT), "--header-timeout", str(LIMIT))

    def begin(client):
        client.send(request("/long_call"))
        s.wait_for_mark("began")

    def end():
        (s.dir / "release").touch()

    s.begin_call, s.end_call = begin, end
    return s


def seconds_until_closed(client):
    began = time.monotonic()
    client.expect_close()
    return time.monotonic() - began


def test_request_that_came_during_the_call_is_served(long_call):
    """Its connection was idle for longer than keepalive only because nobody looked."""
    with Client(long_call) as idle, Client(long_call) as busy:
        idle.get("/ping")
        long_call.begin_call(busy)
        idle.send(request("/ping"))
        assert idle.is_quiet(LONG)
        long_call.end_call()
        assert idle.read_response().body == b"pong"
        assert busy.read_response().body == b"done"


def test_head_that_was_completed_during_the_call_is_served(long_call):
    data = request("/ping")
    with Client(long_call) as slow, Client(long_call) as busy:
        slow.send(data[:10])
        fetch(long_call, "/ping")  # so that those ten bytes have been read
        long_call.begin_call(busy)
        slow.send(data[10:])
        assert slow.is_quiet(LONG)
        long_call.end_call()
        assert slow.read_response().body == b"pong"


def test_connection_made_during_the_call_has_its_header_timeout(long_call):
    """No sooner, and no later although the call goes on."""
    with Client(long_call) as busy:
        long_call.begin_call(busy)
        with Client(long_call) as newcomer:
            began = time.monotonic()
            newcomer.send(request("/ping")[:10])
            assert newcomer.read_response().status == 408
            assert LIMIT * 0.9 < time.monotonic() - began < deadline(LIMIT + 0.5)
        long_call.end_call()
        assert busy.read_response().body == b"done"


def test_connection_whose_time_runs_out_during_the_call_is_closed_in_time(long_call):
    with Client(long_call) as idle, Client(long_call) as busy:
        idle.get("/ping")
        long_call.begin_call(busy)
        assert LIMIT * 0.8 < seconds_until_closed(idle) < deadline(LIMIT + 0.5)
        long_call.end_call()
        assert busy.read_response().body == b"done"


@pytest.mark.asan_ci
def test_keepalive_counts_from_the_end_of_the_answer(long_call):
    with Client(long_call) as c:
        long_call.begin_call(c)
        assert c.is_quiet(LONG)
        long_call.end_call()
        assert c.read_response().body == b"done"
        assert LIMIT * 0.9 < seconds_until_closed(c) < deadline(LIMIT + 1)


def test_keepalive_counts_from_the_answer_that_waited_for_the_call(long_call):
    """Two requests of one wake-up: the second's idle time begins after the first's call, too."""
    with Client(long_call) as a, Client(long_call) as b, Client(long_call) as busy:
        a.get("/ping")
        b.get("/ping")
        long_call.begin_call(busy)
        a.send(request(f"/busy?s={LONG}"))
        b.send(request("/ping"))
        long_call.end_call()
        assert b.read_response().body == b"pong"
        fetch(long_call, "/ping")  # a turn of the loop, in which time-outs are looked at
        assert LIMIT * 0.9 < seconds_until_closed(b) < deadline(LIMIT + 1)


@pytest.mark.asan_ci
def test_date_is_that_of_the_answer(long_call):
    with Client(long_call) as busy, Client(long_call) as other:
        long_call.begin_call(busy)
        other.send(request("/ping"))
        assert busy.is_quiet(LONG)
        ended = int(time.time())
        long_call.end_call()
        for c in (busy, other):
            date = email.utils.parsedate_to_datetime(c.read_response().header("Date"))
            assert ended - 1 <= date.timestamp() <= time.time() + 1
