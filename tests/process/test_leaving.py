"""What the application still does when its worker ends: atexit functions, threads; all within a bound."""

import os
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.kinds import each_kind
from support.rawhttp import Client, fetch, request
from support.server import is_running

pytestmark = pytest.mark.licorne_only  # gunicorn leaves the bound to its master's KILL

GRACE = 1  # the least there is
STOPS = [signal.SIGTERM, signal.SIGQUIT]


@pytest.fixture
def leaving(serve):
    def start(kind, leave="", **kw):
        env = {"LEAVE": leave, "PYTHONUNBUFFERED": None}
        return serve("leaving:app", "--graceful-timeout", str(GRACE), *kind, env=env, **kw)

    return start


def notes(server):
    path = server.dir / "notes"
    return path.read_text().splitlines() if path.exists() else []


def seconds_to_end(pid, number):
    began = time.monotonic()
    os.kill(pid, number)
    wait_until(lambda: not is_running(pid), 20, "end of the worker")
    return time.monotonic() - began


@pytest.mark.asan_ci
@each_kind
@pytest.mark.parametrize("number", STOPS)
def test_exit_functions_run_once_and_output_is_flushed(leaving, kind, number):
    s = leaving(kind)
    (pid,) = s.worker_pids()
    fetch(s, "/register")
    s.signal(number)
    assert s.wait_exit() == 0
    assert notes(s) == [f"request {pid}", f"import {pid}"]
    assert s.out() == "printed and not flushed"


def test_exit_functions_run_after_a_call_that_exits(leaving):
    s = leaving(("--threads", "4"), expect_errors=True)
    (pid,) = s.worker_pids()
    fetch(s, "/exit_with?code=7")
    s.wait_log("exited with code 7")
    assert notes(s) == [f"import {pid}"]


def test_an_exit_function_that_raises_keeps_no_other_from_running(leaving):
    s = leaving((), "fail", expect_errors=True)
    (pid,) = s.worker_pids()
    s.signal(signal.SIGTERM)
    assert s.wait_exit() == 0
    assert notes(s) == [f"import {pid}"]
    assert "ZeroDivisionError" in s.log()


def test_os_exit_runs_none(leaving):
    s = leaving((), expect_errors=True)
    with Client(s) as c:
        c.send(request("/end_process?code=5"))
        c.expect_gone()
    s.wait_log("exited with code 5")
    assert notes(s) == []


@each_kind
@pytest.mark.parametrize("number", STOPS)
def test_an_exit_function_that_hangs_is_given_up(leaving, kind, number):
    s = leaving(kind, "hang")
    (pid,) = s.worker_pids()
    took = seconds_to_end(pid, number)  # the worker alone: no master ends the wait
    assert GRACE * 0.9 < took < deadline(GRACE + 1)
    s.wait_log(rf"licorne: process {pid} ends although its threads or exit functions still run")
    assert "SIG" not in s.new_log() and "exited with code" not in s.new_log()
    assert fetch(s, "/ping").body == b"pong"


@pytest.mark.asan_ci
@each_kind
@pytest.mark.parametrize("number", STOPS)
def test_daemon_threads_hold_nothing_up(leaving, kind, number):
    s = leaving(kind, "daemon")
    s.wait_for_mark("running")
    (pid,) = s.worker_pids()
    assert seconds_to_end(pid, number) < deadline(1)
    assert notes(s) == [f"import {pid}"]


@pytest.mark.asan_ci
@each_kind
def test_a_thread_that_is_no_daemon_may_finish(leaving, kind):
    s = leaving(kind, "thread")
    s.wait_for_mark("running")
    (pid,) = s.worker_pids()
    os.kill(pid, signal.SIGTERM)
    s.wait_log(rf"Worker exiting \(pid: {pid}\)")
    time.sleep(0.3)
    assert is_running(pid)
    (s.dir / "leave").touch()
    wait_until(lambda: not is_running(pid), 10, "end of the worker")
    assert notes(s) == [f"thread {pid}", f"import {pid}"]


@each_kind
def test_a_thread_that_does_not_finish_is_given_up(leaving, kind):
    s = leaving(kind, "forever")
    s.wait_for_mark("running")
    (pid,) = s.worker_pids()
    took = seconds_to_end(pid, signal.SIGTERM)
    assert GRACE * 0.9 < took < deadline(GRACE + 1)
    assert fetch(s, "/ping").body == b"pong"


@each_kind
def test_a_whole_server_ends_within_its_grace_whatever_stays(leaving, kind):
    s = leaving(kind, "forever hang")
    s.wait_for_mark("running")
    began = time.monotonic()
    s.signal(signal.SIGTERM)
    assert s.wait_exit() == 0
    assert time.monotonic() - began < deadline(GRACE + 1)
