"""multiprocessing, os.fork and subprocess in a request, and what ends a worker in the middle of one."""

import json
import os
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.kinds import each_kind
from support.rawhttp import Client, fetch, request
from support.server import is_running

METHODS = ["fork", "spawn", "forkserver"]


@pytest.fixture
def server(serve, kind, under_licorne):
    return serve("zoo:app", *(kind if under_licorne else ()))


def ask(server, path):
    """Over a connection that goes on to be used, so that a child that touched it would show."""
    with Client(server, timeout=60) as c:
        r = c.get(path)
        assert r.status == 200
        assert c.get("/ping").body == b"pong"
    return r


@each_kind
@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing_process(server, method):
    found = json.loads(ask(server, f"/mp_process?method={method}").body)
    assert found == {"own": True, "n": 49, "code": 0}


@pytest.mark.asan_ci
@each_kind
@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing_pool(server, kind, method):
    if method == "fork" and "gthread" in kind:
        pytest.skip("a pool forks beside its own threads and ours: CPython warns that it may hang")
    found = json.loads(ask(server, f"/mp_pool?method={method}").body)
    assert found == [n * n for n in range(20)]


@each_kind
def test_a_daemonic_process_ends_with_its_worker(server):
    ask(server, "/mp_daemon")
    child = int(server.wait_for_mark("child"))
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    wait_until(lambda: not is_running(child), 10, "end of the child")


@pytest.mark.asan_ci
@each_kind
def test_subprocess_with_its_defaults(server):
    """It has its own three descriptors and the one it lists the others by."""
    assert json.loads(ask(server, "/run_program").body) == {"fds": 4, "code": 5}


@each_kind
def test_subprocess_with_a_descriptor_it_is_given(server):
    assert ask(server, "/run_with_descriptor").body == b"through the pipe"


@each_kind
def test_subprocess_that_closes_nothing_inherits_nothing_of_the_engine(server):
    with Client(server) as idle:
        idle.get("/ping")
        found = ask(server, "/run_inheriting").text
    assert "socket:" not in found and "eventpoll" not in found, found


@each_kind
def test_subprocess_with_a_function_before_exec(server):
    assert ask(server, "/run_with_preexec").body == b"ran"


@pytest.mark.asan_ci
@each_kind
def test_waitpid_is_the_applications(server):
    found = json.loads(ask(server, "/fork_and_wait").body)
    assert found == {"own": True, "code": 9, "default": True}


@pytest.mark.asan_ci
@each_kind
def test_a_child_that_lives_on_holds_up_no_client(server):
    with Client(server) as other, Client(server) as c:
        other.get("/ping")
        child = int(c.get("/fork_for_long", headers={"Connection": "close"}).body)
        began = time.monotonic()
        c.expect_close()
        assert time.monotonic() - began < deadline(1)
        assert other.get("/ping", headers={"Connection": "close"}).body == b"pong"
        other.expect_close()
    assert is_running(child)
    (server.dir / "release").touch()


@pytest.mark.licorne_only
@each_kind
def test_a_child_has_nothing_of_the_engines(server):
    assert ask(server, "/child_looks_around").body == b"-1 True refused"


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # the others' connections are another worker's there, or in the backlog
@each_kind
@pytest.mark.parametrize("how", ["code=0", "code=5", "signal=9", "signal=11"])
def test_end_of_the_process_in_a_call_breaks_its_client_at_once(serve, kind, how):
    s = serve("zoo:app", *kind, expect_errors=True, may_crash=how == "signal=11")
    first = s.worker_pids()
    with Client(s) as c:
        c.send(request(f"/end_process?{how}"))
        assert c.expect_gone() == b""
        began = time.monotonic()
    assert fetch(s, "/ping").body == b"pong"  # by the next
    assert time.monotonic() - began < deadline(2)
    assert s.worker_pids() != first


@pytest.mark.licorne_only
@each_kind
def test_end_of_the_process_midway_leaves_an_answer_without_end(serve, kind):
    s = serve("zoo:app", *kind, expect_errors=True)
    with Client(s) as c:
        c.send(request("/end_process?code=5&after=1"))
        data = c.expect_gone()
    assert b"begun" in data and not data.endswith(b"0\r\n\r\n")
    s.wait_log(r"\[ERROR\] Worker \(pid:\d+\) exited with code 5\.")


@pytest.mark.licorne_only
def test_other_workers_serve_on_when_one_ends_in_a_call(serve):
    s = serve("zoo:app", workers=2, expect_errors=True)
    kept = {}
    while len(kept) < 2:
        c = Client(s)
        kept.setdefault(json.loads(c.get("/whoami").body), c)
        kept.keys() >= set(s.worker_pids()) or os.sched_yield()
    ends, stays = kept.values()
    ends.send(request("/end_process?code=5"))
    ends.expect_gone()
    assert stays.get("/ping").body == b"pong"
