"""sys.exit() and its like in a request, as Gunicorn's classes have it.

`sync` takes everything that is raised for an error of the request and lives on.  In `gthread` what is
no Exception ends the worker with its status; there the client gets its 500 first, which is ours.
"""

import signal

import pytest
from support.kinds import GTHREAD, KINDS, SYNC
from support.rawhttp import Client, fetch, request
from support.server import kind_under_test

SYNCS = [SYNC, KINDS["no-inline"]]
ENDS = [
    "exit_with?code=0",
    "exit_with?code=3",
    "exit_with?code=4",
    "exit_with?code=7",
    "exit_with?code=words",
    "exit_with",
    "raises_keyboard",
    "raises_generator_exit",
    "raises_base",
]
STATUS = {"0": 0, "3": 1, "4": 1, "7": 7, "words": 1}


@pytest.mark.asan_ci
@pytest.mark.parametrize("kind", SYNCS, ids=["sync", "no-inline"])
@pytest.mark.parametrize("view", ENDS)
def test_sync_lives_on(serve, kind, view):
    is_ours = kind_under_test() == "licorne"
    s = serve("zoo:app", *(kind if is_ours else ()), threads=0, expect_errors=True)
    pid = s.worker_pids()
    for _ in range(2):
        with Client(s) as c:
            r = c.get(f"/{view}")
            assert r.status == 500 and r.header("Connection") == "close"
            c.expect_close()
    assert fetch(s, "/ping").body == b"pong"
    assert s.worker_pids() == pid
    assert s.new_log().count("Traceback") == 2


def _lives_on_once_the_answer_has_begun(s, where):
    pid = s.worker_pids()
    with Client(s) as c:
        c.send(request(f"/exit_later?where={where}"))
        data = c.expect_gone() if where == "midway" else c.read_response().head
        assert data.startswith(b"HTTP/1.1 200")
    assert fetch(s, "/ping").body == b"pong"
    assert s.worker_pids() == pid


@pytest.mark.parametrize("kind", SYNCS, ids=["sync", "no-inline"])
@pytest.mark.parametrize("where", ["midway", "close"])
def test_sync_lives_on_when_the_answer_has_begun(serve, kind, where):
    is_ours = kind_under_test() == "licorne"
    s = serve("zoo:app", *(kind if is_ours else ()), threads=0, expect_errors=True)
    _lives_on_once_the_answer_has_begun(s, where)


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn's client sees a closed connection, and 3 and 4 halt its master
@pytest.mark.parametrize("view", ENDS)
def test_gthread_leaves_with_that_status_after_its_answer(serve, view):
    s = serve("zoo:app", *GTHREAD, expect_errors=True)
    (pid,) = s.worker_pids()
    with Client(s) as c:
        assert c.get(f"/{view}").status == 500
        c.expect_close()
    s.wait_log(rf"Worker exiting \(pid: {pid}\)")
    for _ in range(3):
        assert fetch(s, "/ping").body == b"pong"
    code = view.partition("=")[2]
    status = STATUS.get(code, 0 if view in ("exit_with", "raises_keyboard") else 1)
    assert (f"Worker (pid:{pid}) exited with code {status}." in s.log()) is (status != 0)
    s.signal(signal.SIGTERM)
    assert s.wait_exit() == 0
    assert "Worker failed to boot" not in s.log() and "App failed to load" not in s.log()


@pytest.mark.licorne_only
def test_gthread_lets_the_other_calls_finish(serve):
    s = serve("zoo:app", *GTHREAD, expect_errors=True)
    with Client(s) as other, Client(s) as c:
        other.send(request("/long_call"))
        s.wait_for_mark("began")
        assert c.get("/exit_with?code=7").status == 500
        assert other.is_quiet(0.3)
        (s.dir / "release").touch()
        assert other.read_response().body == b"done"
    s.wait_log("exited with code 7")


@pytest.mark.parametrize("where", ["midway", "close"])
def test_gthread_lives_on_when_the_answer_has_begun(serve, under_licorne, where):
    s = serve("zoo:app", *(GTHREAD if under_licorne else ()), expect_errors=True)
    _lives_on_once_the_answer_has_begun(s, where)
