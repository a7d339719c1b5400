"""Children that an application makes: they never touch the connection, nor keep it open."""

import os
import signal

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch, request
from support.server import is_running

CALLS_THAT_THE_CHILD_LEAVES = [
    ("return", 0),
    ("raise", 1),
    ("exit", 9),
    ("stop", 1),  # a hijacker's good-bye is its parent's to say
    ("respond", 1),
    ("read", 1),
    ("socket", 1),
]


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn lets the child go on as a worker
@pytest.mark.parametrize("how, status", CALLS_THAT_THE_CHILD_LEAVES)
@pytest.mark.parametrize("by", ["python", "c"])
def test_a_forked_child_that_leaves_the_call_ends(serve, how, status, by):
    """It ends as a script would; the client gets its parent's answer and nothing else."""
    s = serve(expect_errors=True)
    with Client(s) as c:
        r = c.get(f"/forked_child?how={how}&by={by}", "POST", body=b"small")
        assert (r.status, r.text) == (200, f"child {status}")
        c.send(request("/ping", headers={"Connection": "close"}))
        assert c.read_response().body == b"pong"
        c.expect_close()


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_a_child_forked_while_the_answer_is_iterated_ends(serve):
    s = serve(expect_errors=True)
    with Client(s) as c:
        assert c.get("/forked_child?how=generator").text == "before child 1"
        c.expect_open()
    assert "a forked child cannot use its parent's connection" in s.new_log()


@pytest.mark.licorne_only
def test_a_child_forked_in_close_ends(serve):
    s = serve(expect_errors=True)
    with Client(s) as c:
        assert c.get("/forked_child?how=close").text == "answer"
        c.expect_open()
    assert s.wait_for_mark("child") == "1"
    assert s.new_log().count("ValueError: close failed in the child") == 1


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_a_forked_child_cannot_write_to_a_response_that_has_begun(serve):
    s = serve(expect_errors=True)
    with Client(s) as c:
        assert c.get("/fork_after_start").text == "begun child 1"
        c.expect_open()


@pytest.mark.licorne_only
def test_a_forked_child_that_raised_tells_why(serve):
    s = serve(expect_errors=True)
    fetch(s, "/forked_child?how=raise")
    assert s.new_log().count("ValueError: raised in the child") == 1


@pytest.mark.asan_ci
@pytest.mark.parametrize("view", ["fork_and_hold", "fork_and_hold?by=c", "spawn_and_hold"])
@pytest.mark.parametrize(
    "version, headers", [("HTTP/1.1", {"Connection": "close"}), ("HTTP/1.0", {})]
)
def test_an_answer_ends_although_a_child_holds_the_descriptor(serve, view, version, headers):
    s = serve()
    with Client(s) as c:
        assert c.get(f"/{view}", version=version, headers=headers).status == 200
        c.expect_close()
    child = int(s.wait_for_mark("child"))
    assert is_running(child)
    (s.dir / "release").touch()
    if view != "spawn_and_hold":
        wait_until(lambda: not is_running(child), 10, "end of the child")


def test_other_connections_end_although_a_child_holds_them(serve):
    """The child has a copy of every connection that was open when it was made."""
    s = serve("zoo:app", "--keep-alive", "1")
    with Client(s) as idle, Client(s) as c:
        idle.get("/ping")
        c.get("/fork_and_hold", headers={"Connection": "close"})
        c.expect_close()
        idle.expect_close()
    assert is_running(int(s.wait_for_mark("child")))
    (s.dir / "release").touch()


def test_a_forked_child_can_be_ended_by_term(serve):
    """The worker's handlers are not the child's: it ends as any process would."""
    s = serve()
    fetch(s, "/fork_and_hold")
    child = int(s.wait_for_mark("child"))
    os.kill(child, signal.SIGTERM)
    wait_until(lambda: not is_running(child), 10, "end of the child")
    assert fetch(s, "/ping").status == 200
