"""Worker class gthread, and what sync promises beside it: in which threads the application runs."""

import json
import os

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.licorne_only  # gunicorn starts all its threads at once


def about(server, path="/thread"):
    return json.loads(fetch(server, path).body)


def threads_of(server):
    return len(os.listdir(f"/proc/{server.worker_pids()[0]}/task"))


def ask(server, path):
    c = Client(server)
    c.send(request(path))
    return c


def answers(clients):
    found = [json.loads(c.read_response().body) for c in clients]
    for c in clients:
        c.close()
    return found


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [["-k", "gthread", "--threads", "4"], ["--threads", "4"]])
def test_calls_run_at_the_same_time_up_to_threads(serve, options):
    s = serve("zoo:app", *options)
    found = answers([ask(s, "/meet?n=4") for _ in range(4)])
    assert len({a["ident"] for a in found}) == 4
    assert not any(a["is_main"] for a in found)
    assert all(a["known"] for a in found)


def test_threads_start_only_when_requests_wait_for_one(serve):
    for _ in range(3):  # on a busy machine one may have waited that long
        s = serve("zoo:app", "--threads", "4")
        names = {about(s)["name"] for _ in range(20)}
        alone = threads_of(s)
        if names == {"licorne-1"}:
            break
    assert names == {"licorne-1"}
    clients = [ask(s, "/meet?n=3") for _ in range(3)]
    assert len({a["ident"] for a in answers(clients)}) == 3
    assert threads_of(s) == alone + 2


def test_thread_locals_live_as_long_as_the_thread(serve):
    s = serve("zoo:app", "-k", "gthread")
    assert [about(s)["calls"] for _ in range(5)] == [1, 2, 3, 4, 5]


def test_multithread_is_said_truly(serve):
    assert about(serve("zoo:app", "--threads", "2"))["multithread"] is True
    assert about(serve("zoo:app", "-k", "gthread"))["multithread"] is True
    assert about(serve("zoo:app"))["multithread"] is False


@pytest.mark.asan_ci
def test_more_calls_than_threads_wait_and_are_answered_in_order(serve):
    s = serve("zoo:app", "--threads", "2")
    held = []
    for i in range(2):
        held.append(ask(s, f"/hold?who={i}"))
        s.wait_for_mark(f"held-{i}")
    waiting = [ask(s, "/thread") for _ in range(5)]
    assert all(c.is_quiet(0.1) for c in waiting)
    (s.dir / "release").touch()
    assert len(answers(held)) == 2
    assert len(answers(waiting)) == 5


def test_one_thread_free_is_enough(serve):
    s = serve("zoo:app", "--threads", "3")
    held = []
    for i in range(2):
        held.append(ask(s, f"/hold?who={i}"))
        s.wait_for_mark(f"held-{i}")
    with Client(s) as c:
        for _ in range(200):
            assert c.get("/ping").body == b"pong"
    (s.dir / "release").touch()
    answers(held)


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [[], ["--no-inline"]])
def test_sync_calls_in_the_main_thread(serve, options):
    s = serve("zoo:app", *options)
    for _ in range(3):
        assert about(s)["is_main"] is True
    assert fetch(s, "/alarm").body == b"alarm"
    assert about(s)["calls"] == 5 - 1  # the alarm's call was in the same thread


def test_graceful_stop_lets_all_threads_finish(serve):
    s = serve("zoo:app", "--threads", "3")
    held = []
    for i in range(3):
        held.append(ask(s, f"/hold?who={i}"))
        s.wait_for_mark(f"held-{i}")
    s.process.terminate()
    wait_until(lambda: "Handling signal: term" in s.log(), 10, "TERM")
    (s.dir / "release").touch()
    assert len(answers(held)) == 3
    assert s.process.wait(20) == 0


def test_quick_stop_waits_for_no_thread(serve):
    s = serve("zoo:app", "--threads", "2")
    held = ask(s, "/hold?who=0")
    s.wait_for_mark("held-0")
    s.process.send_signal(3)
    assert s.process.wait(10) == 0
    held.expect_gone()
    held.close()
