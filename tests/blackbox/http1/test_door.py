"""What the engine answers although every thread of the application is busy: health, refusals, overload."""

import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.licorne_only  # settings of its own


@pytest.fixture
def busy(serve):
    """Starts a server whose one thread is in a call until `end_call`."""

    def start(*options):
        s = serve("zoo:app", "--threads", "1", *options)
        s.kept = Client(s)
        s.kept.get("/ping")
        s.caller = Client(s)
        s.caller.send(request("/long_call"))
        s.wait_for_mark("began")
        s.end_call = (s.dir / "release").touch
        return s

    return start


def finish(s):
    s.end_call()
    assert s.caller.read_response().body == b"done"
    s.caller.close()


def quickly(began, due=0.0):
    return due - 0.05 <= time.monotonic() - began < deadline(due + 1)


@pytest.mark.asan_ci
def test_health_is_answered_while_the_application_is_busy(busy):
    s = busy("--health-path", "/-/health")
    for _ in range(3):
        began = time.monotonic()
        r = fetch(s, "/-/health?probe=1")
        assert (r.status, r.body, r.header("Cache-Control")) == (200, b"ok\n", "no-store")
        assert quickly(began)
    assert fetch(s, "/-/health", "HEAD").body == b""
    finish(s)
    assert fetch(s, "/-/healthy").status == 404


def test_health_says_503_while_the_worker_leaves(busy):
    s = busy("--health-path", "/-/health")
    with Client(s) as probe:
        assert probe.get("/-/health").status == 200
        probe.send(request("/-/health")[:8])
        s.process.terminate()
        wait_until(lambda: "Handling signal: term" in s.log(), 10, "TERM")
        time.sleep(0.2)  # it is passed on to the worker, whose engine leaves its connections alone
        probe.send(request("/-/health")[8:])
        r = probe.read_response()
        assert (r.status, r.header("Retry-After"), r.header("Connection")) == (503, "1", "close")
    finish(s)
    assert s.process.wait(deadline(10)) == 0


@pytest.mark.asan_ci
def test_malformed_request_is_refused_at_once_while_the_application_is_busy(busy):
    s = busy()
    for _ in range(3):
        with Client(s) as c:
            began = time.monotonic()
            c.send(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
            assert c.read_response().status == 400
            assert quickly(began)
    finish(s)


@pytest.mark.asan_ci
def test_request_that_waits_too_long_gets_503(busy):
    s = busy("--queue-timeout", "1")
    with Client(s) as first, Client(s) as second:
        began = time.monotonic()
        first.send(request("/ping"))
        time.sleep(0.3)  # two of different age
        second.send(request("/ping"))
        r = first.read_response()
        assert (r.status, r.header("Retry-After")) == (503, "1")
        assert quickly(began, 1.0)
        assert second.read_response().status == 503
        assert quickly(began, 1.3)
    finish(s)
    assert fetch(s, "/ping").body == b"pong"
    assert s.new_log().count("queue_timeout") >= 1


@pytest.mark.asan_ci
def test_request_that_finds_the_queue_full_gets_503(busy):
    s = busy("--queue-size", "2")
    waiting = [Client(s) for _ in range(2)]
    for c in waiting:
        c.send(request("/ping"))
        assert c.is_quiet()
    began = time.monotonic()
    with Client(s) as late:
        assert late.get("/ping").status == 503
        assert quickly(began)
    finish(s)
    for c in waiting:
        assert c.read_response().body == b"pong"
        c.close()
    assert fetch(s, "/ping").body == b"pong"


@pytest.mark.parametrize("is_ignored", [True, False])
def test_waiting_request_whose_client_has_ended_its_side(busy, is_ignored):
    s = busy(*(["--ignore-half-close"] if is_ignored else []))
    with Client(s) as c:
        c.send(request("/ping"))
        c.half_close()
        assert c.is_quiet()
        finish(s)
        data = c.read_all()
        assert data == b"" if is_ignored else data.endswith(b"pong")


@pytest.mark.asan_ci
def test_waiting_request_whose_client_has_reset_is_not_called(busy):
    s = busy()
    s.kept.send(request("/never_called"))
    assert s.kept.is_quiet()
    s.kept.reset()
    with Client(s) as probe:  # by then the reset was seen
        probe.send(b"BAD\r\n\r\n")
        probe.read_response()
    finish(s)
    assert b"never_called" not in fetch(s, "/counts").body
