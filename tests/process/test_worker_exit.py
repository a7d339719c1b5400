"""When a worker is told to end while its application is in a call."""

import os
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, request
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
