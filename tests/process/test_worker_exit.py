"""When a worker ends while its application is in a call: by TERM, or by the application's own exit."""

import os
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch, request
from support.server import is_running

GRACE = 2


@pytest.mark.licorne_only  # gunicorn's sync worker waits for its one client without a bound
def test_graceful_timeout_counts_from_the_term_and_not_from_the_call(serve):
    """TERM to the worker alone, so that no master ends the wait: neither the time that the call had
    run before is taken off, nor what it runs afterwards put on top."""
    s = serve("zoo:app", "--graceful-timeout", str(GRACE))
    worker = s.worker_pids()[0]
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/busy?s=2.5&n=30000000"))
        s.wait_for_mark("began")
        assert c.is_quiet(1.2)
        began = time.monotonic()
        os.kill(worker, signal.SIGTERM)
        assert c.read_head().status == 200  # 1.3 s later, and the client reads no further
        assert is_running(worker)
        wait_until(lambda: not is_running(worker), GRACE + 5, "end of the worker")
        assert GRACE * 0.9 < time.monotonic() - began < deadline(GRACE + 1)
        c.expect_gone()


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_term_during_a_call_lets_what_came_meanwhile_be_answered(serve):
    """A request that was sent before the worker could look is no idle connection."""
    s = serve()
    with Client(s) as busy, Client(s) as other:
        other.get("/ping")
        busy.send(request("/long_call"))
        s.wait_for_mark("began")
        other.send(request("/ping"))
        os.kill(s.worker_pids()[0], signal.SIGTERM)
        s.signal(signal.SIGTERM)
        s.wait_log("Handling signal: term")
        (s.dir / "release").touch()
        for c, body in ((busy, b"done"), (other, b"pong")):
            r = c.read_response()
            assert r.body == body and r.header("Connection") == "close"
            c.expect_close()
    assert s.wait_exit() == 0


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn's threaded worker ends with that status and halts its master
@pytest.mark.parametrize("code", [3, 4])
def test_exit_with_the_status_of_a_failed_boot_does_not_stop_the_server(serve, code):
    """3 and 4 tell the master that no worker can boot; an application cannot say so by accident."""
    s = serve(expect_errors=True)
    with Client(s) as c:
        assert c.get(f"/exit_with?code={code}").status == 500
        c.expect_close()
    for _ in range(3):
        assert fetch(s, "/ping").body == b"pong"
    assert f"SystemExit: {code}" in s.new_log()
    s.signal(signal.SIGTERM)
    assert s.wait_exit() == 0
    assert "Worker failed to boot" not in s.log() and "App failed to load" not in s.log()


@pytest.mark.licorne_only
@pytest.mark.parametrize("code", ["0", "7", "words"])
def test_exit_in_a_call_answers_500_and_the_server_goes_on(serve, code):
    s = serve(expect_errors=True)
    assert fetch(s, f"/exit_with?code={code}").status == 500
    assert fetch(s, "/ping").body == b"pong"
    assert f"SystemExit: {code}" in s.new_log()
