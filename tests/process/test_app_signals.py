"""Signal handlers, timers and wake-up descriptors of the application's own."""

import os
import signal
import time

import pytest
from support.clock import deadline
from support.kinds import GTHREAD, KINDS, SYNC, each_kind
from support.rawhttp import Client, fetch, request
from support.server import is_running

pytestmark = pytest.mark.licorne_only  # kinds of worker by licorne's options

MAIN = [SYNC, KINDS["no-inline"]]  # where calls are made in the main thread
in_main = pytest.mark.parametrize("kind", MAIN, ids=["sync", "no-inline"])


def worker(server):
    return server.worker_pids()[0]


@pytest.mark.asan_ci
@each_kind
@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGALRM", "SIGTERM", "SIGINT"])
def test_a_handler_installed_at_import_wins(serve, kind, name):
    """The worker's own, or the signal's default, does not run: the worker serves on."""
    s = serve("signalling:app", *kind, env={"CATCH": name})
    pid = worker(s)
    os.kill(pid, getattr(signal, name))  # while it is idle
    assert s.wait_for_mark(f"caught-{name}").startswith("True")
    assert fetch(s, "/ping").body == b"pong"
    assert worker(s) == pid
    if name in ("SIGTERM", "SIGINT"):  # nobody stops it any more but this
        os.kill(pid, signal.SIGQUIT)


@each_kind
def test_a_handler_runs_while_a_call_runs(serve, kind):
    s = serve("signalling:app", *kind, env={"CATCH": "SIGUSR2"})
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        os.kill(worker(s), signal.SIGUSR2)
        s.wait_for_mark("caught-SIGUSR2")
        (s.dir / "release").touch()
        assert c.read_response().body == b"done"


@pytest.mark.asan_ci
@each_kind
def test_a_handler_that_chains_stops_the_worker_as_ever(serve, kind):
    s = serve("signalling:app", *kind, env={"CATCH": "SIGTERM", "CHAIN": "1"})
    pid = worker(s)
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        os.kill(pid, signal.SIGTERM)
        s.wait_for_mark("caught-SIGTERM")
        (s.dir / "release").touch()
        r = c.read_response()
        assert r.body == b"done" and r.header("Connection") == "close"
    s.wait_log(rf"Worker exiting \(pid: {pid}\)")
    assert fetch(s, "/ping").body == b"pong"


@in_main
@pytest.mark.parametrize("chain", ["", "&chain=1"])
def test_a_handler_installed_in_a_request(serve, kind, chain):
    s = serve("zoo:app", *kind)
    pid = worker(s)
    assert fetch(s, f"/catch?name=SIGTERM{chain}").body == b"True"
    os.kill(pid, signal.SIGTERM)
    s.wait_for_mark("caught-SIGTERM")
    if chain:
        s.wait_log(rf"Worker exiting \(pid: {pid}\)")
    assert fetch(s, "/ping").body == b"pong"
    assert is_running(pid) is not bool(chain)
    os.kill(worker(s), signal.SIGQUIT)


@in_main
def test_a_handler_that_exits_ends_an_idle_worker(serve, kind):
    s = serve("zoo:app", *kind, expect_errors=True)
    pid = worker(s)
    fetch(s, "/catch_and_exit")
    os.kill(pid, signal.SIGTERM)
    s.wait_log(rf"Worker \(pid:{pid}\) exited with code 6")
    assert fetch(s, "/ping").body == b"pong"


def test_no_handler_can_be_installed_in_a_thread(serve):
    """As in any program of Python's, and under Gunicorn's gthread."""
    s = serve("zoo:app", *GTHREAD, expect_errors=True)
    assert fetch(s, "/catch?name=SIGTERM").status == 500
    s.wait_log("ValueError: signal only works in main thread")


@pytest.mark.asan_ci
@in_main
def test_interval_timer(serve, kind):
    s = serve("zoo:app", *kind)
    assert fetch(s, "/timer").body == b"true"
    assert fetch(s, "/alarm").body == b"alarm"


def drain(server, pid):
    """TERM reaches the worker's own handler, soon."""
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    server.wait_log(rf"Worker exiting \(pid: {pid}\)")
    assert time.monotonic() - began < deadline(2.5)


@each_kind
def test_wakeup_descriptor_set_at_import(serve, kind):
    """It hears of signals, and so does the engine."""
    s = serve("signalling:app", *kind, env={"CATCH": "SIGUSR2", "WAKEUP": "1"})
    pid = worker(s)
    for _ in range(2):
        (s.dir / "caught-SIGUSR2").unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR2)
        s.wait_for_mark("caught-SIGUSR2")
        assert fetch(s, "/woken").text == str(int(signal.SIGUSR2))
    drain(s, pid)


@pytest.mark.asan_ci
@in_main
@pytest.mark.parametrize("path", ["/take_wakeups", "/take_wakeups?drop=1", "/asyncio_signals"])
def test_signals_are_heard_although_a_call_took_the_wakeup_descriptor(serve, kind, path):
    s = serve("zoo:app", *kind)
    assert fetch(s, path).status == 200
    drain(s, worker(s))
    assert fetch(s, "/ping").body == b"pong"


@in_main
def test_wakeup_descriptor_set_in_a_request_goes_on_hearing(serve, kind):
    s = serve("zoo:app", *kind)
    assert fetch(s, "/take_wakeups").body == b"True"
    fetch(s, "/catch?name=SIGUSR2")
    time.sleep(1.3)  # by then the engine listens again, beside it
    os.kill(worker(s), signal.SIGUSR2)
    s.wait_for_mark("caught-SIGUSR2")
    assert fetch(s, "/woken").text == str(int(signal.SIGUSR2))
