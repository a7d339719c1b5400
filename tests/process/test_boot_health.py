"""While a worker imports its application: health says 503, other requests wait for their call."""

import json
import os
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.kinds import GTHREAD, each_kind
from support.rawhttp import Client, fetch, request
from support.server import is_running

pytestmark = pytest.mark.licorne_only

HEALTH = "/-/health"


@pytest.fixture
def booting(serve):
    """Starts a server whose first workers boot in the way `how`, and returns when they do."""

    def start(how, *options, workers=1, **kw):
        s = serve(
            "booting:app",
            "--health-path",
            HEALTH,
            *options,
            start=False,
            env={"BOOT": how},
            workers=workers,
            **kw,
        )
        (s.dir / "slow").touch()
        s.spawn()
        s.wait_for_mark("importing")
        s.boots_on = (s.dir / "go").touch
        return s

    return start


def timed(server):
    """The answer to a new connection's question, and how long it took."""
    began = time.monotonic()
    with Client(server) as c:
        answer = c.get(HEALTH)
    return answer, time.monotonic() - began


def ask(server, path="/ping"):
    c = Client(server)
    c.send(request(path))
    return c


@pytest.mark.asan_ci
@each_kind
@pytest.mark.parametrize("how", ["sleep", "compute"])
def test_health_while_the_application_is_imported(booting, how, kind):
    s = booting(how, *kind)
    began = time.monotonic()
    waiting = [ask(s) for _ in range(3)]
    took = []
    while time.monotonic() - began < 1:
        answer, seconds = timed(s)
        assert (answer.status, answer.body) == (503, b"booting\n")
        assert answer.header("Retry-After") == "1"
        took.append(seconds)
    assert sorted(took)[len(took) // 2] < deadline(0.05) and max(took) < deadline(0.5)
    assert all(c.is_quiet(0) for c in waiting)
    for c in waiting:
        assert c.read_response().body == b"pong"
        c.close()
    assert time.monotonic() - began > 1
    answer, _ = timed(s)
    assert (answer.status, answer.body) == (200, b"ok\n")


def test_malformed_and_slow_requests_are_refused_meanwhile(booting):
    s = booting("wait", "--header-timeout", "1")
    with Client(s) as c:
        c.send(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
        assert c.read_response().status == 400
    with Client(s) as c:
        c.send(b"GET /")
        assert c.read_response().status == 408
    s.boots_on()
    assert fetch(s, "/ping").body == b"pong"


def test_requests_that_wait_for_the_boot_have_the_limits_of_the_queue(booting):
    s = booting("wait", "--queue-size", "2", "--queue-timeout", "2")
    with ask(s) as first, ask(s) as second:
        assert first.is_quiet() and second.is_quiet(0)
        with ask(s) as third:
            assert third.read_response().status == 503
        assert first.read_response().status == 503
        assert second.read_response().status == 503
    with ask(s) as late:
        assert late.is_quiet()
        s.boots_on()
        assert late.read_response().body == b"pong"


@pytest.mark.asan_ci
def test_all_of_several_workers_boot(booting):
    s = booting("wait", workers=2)
    with ask(s) as waiting:
        for _ in range(5):
            answer, seconds = timed(s)
            assert answer.status == 503 and seconds < deadline(0.5)
        assert waiting.is_quiet()
        s.boots_on()
        assert waiting.read_response().body == b"pong"
    wait_until(lambda: fetch(s, HEALTH).status == 200, 10, "health")


def test_a_sibling_that_is_ready_gets_the_requests(serve):
    s = serve("booting:app", "--health-path", HEALTH, workers=2, env={"BOOT": "wait"})
    gone, ready = s.worker_pids()
    for pid in (gone, ready):
        s.wait_for_mark(f"imported-{pid}")
    (s.dir / "slow").touch()
    os.kill(gone, signal.SIGTERM)
    s.wait_for_mark("importing")
    for _ in range(50):
        began = time.monotonic()
        r = fetch(s, "/whoami", headers={"Connection": "close"})
        assert json.loads(r.body) == ready
        assert time.monotonic() - began < deadline(1)
        assert fetch(s, HEALTH).status == 200
    (s.dir / "go").touch()


@pytest.mark.asan_ci
def test_clients_learn_at_once_that_the_boot_failed(booting):
    s = booting("fail", expect_errors=True)
    assert timed(s)[0].status == 503
    with ask(s) as waiting, Client(s) as idle:
        assert waiting.is_quiet()
        s.boots_on()
        waiting.expect_gone()
        idle.expect_gone()
    assert s.wait_exit() == 3
    assert "no application today" in s.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_while_a_client_waits_for_the_boot(booting, number):
    s = booting("wait")
    with ask(s) as waiting:
        assert waiting.is_quiet()
        began = time.monotonic()
        s.signal(number)
        waiting.expect_gone()
        assert s.wait_exit() == 0
        assert time.monotonic() - began < deadline(5)


@pytest.mark.parametrize("kind", [(), GTHREAD])
def test_a_child_forked_by_the_import_keeps_no_connection_open(booting, kind):
    s = booting("fork", *kind)
    with Client(s) as c:
        assert c.get(HEALTH).status == 503
        child = int(s.wait_for_mark("child"))
        s.boots_on()
        assert c.get("/ping", headers={"Connection": "close"}).body == b"pong"
        c.expect_close()
    assert is_running(child)
    (s.dir / "release").touch()
    wait_until(lambda: not is_running(child), 10, "end of the child")


@pytest.mark.parametrize("options", [(), ("--health-path", HEALTH)])
def test_a_child_of_the_import_that_goes_on_importing_is_no_worker(serve, options):
    s = serve("booting:app", *options, env={"BOOT": "stray"}, start=False)
    (s.dir / "slow").touch()
    s.spawn()
    child = int(s.wait_for_mark("child"))
    wait_until(lambda: not is_running(child), 10, "end of the child")
    assert json.loads(fetch(s, "/whoami").body) == s.worker_pids()[0]
    assert "Parent changed" not in s.log()
