"""gunicorn.socket: a socket object that costs nothing until touched, and the hand-over of it.

flask-sock, simple-websocket and python-engineio take the socket from the environ, speak over it and
then raise StopIteration: the connection is closed, nothing is logged, nothing else is sent.
"""

import json
import re

import pytest
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.asan_ci


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


def test_conversation(server):
    with Client(server) as c:
        c.send(request("/hijack"))
        assert c.read_response().status == 101
        while b"blocking=" not in c.buffer or b" " not in c.buffer:
            assert c.fill()
        assert c.take(100) == b"blocking=None "  # a blocking socket, as the application expects
        for word in (b"one", b"two", b"quit"):
            c.send(word)
            assert c.read_exactly(len(word)) == word.upper()
        c.expect_close()
    assert fetch(server, "/ping").status == 200
    assert not re.search("ERROR|Traceback|StopIteration", server.new_log())


def test_client_that_leaves_ends_the_conversation(server):
    with Client(server) as c:
        c.send(request("/hijack"))
        c.read_response()
        c.half_close()
        c.read_all()
    assert fetch(server, "/ping").status == 200


@pytest.mark.parametrize(
    "target, sent, answer",
    [
        ("/hijack_close", b"", b"bye"),
        ("/hijack_dup", b"hello", b"ready dup:hello"),
        ("/hijack_detach", b"", b"detached"),
        ("/hijack_select", b"hello", b"ready got hello"),
    ],
)
def test_ways_to_take_the_socket(server, target, sent, answer):
    before = server.fd_count()
    for _ in range(5):
        with Client(server) as c:
            c.send(request(target))
            if sent:
                assert c.read_exactly(6) == b"ready "
                c.send(sent)
                c.buffer = b"ready " + c.buffer
            assert c.read_all() == answer
    assert fetch(server, "/ping").status == 200
    assert server.fd_count() <= before + 3


def test_bytes_sent_with_the_request_are_not_lost(server, under_licorne):
    """What follows the head in the same segment belongs to whoever takes the socket."""
    if not under_licorne:
        pytest.skip("gunicorn keeps those bytes in its parser")
    with Client(server) as c:
        c.send(request("/hijack") + b"early quit")
        c.read_response()
        assert c.read_all().endswith(b"EARLY QUIT")


def test_second_request_on_a_kept_alive_connection(server):
    with Client(server) as c:
        assert c.get("/ping").body == b"pong"
        c.send(request("/hijack"))
        assert c.read_response().status == 101
        c.send(b"quit")
        assert c.read_all() == b"blocking=None QUIT"


def test_facts(server):
    with Client(server) as c:
        for _ in range(3):
            got = json.loads(c.get("/socket_facts").body)
            assert got["peer"] == list(c.sock.getsockname())
            assert got["name"] == list(c.sock.getpeername())
            assert got["fileno"] > 2 and (got["family"], got["type"]) == (2, 1)
            assert got["nodelay"]
        c.expect_open()


def test_looking_does_not_disturb(server):
    """An application that only asks for the peer goes on as an ordinary request."""
    with Client(server) as c:
        c.send(request("/socket_facts") + request("/ping"))
        assert c.read_response().status == 200
        assert c.read_response().body == b"pong"


def test_facts_over_a_unix_socket(serve):
    s = serve(bind="unix")
    got = json.loads(fetch(s, "/socket_facts").body)
    assert got["family"] == 1 and got["name"] == s.address


def test_stop_iteration_in_the_iterable_is_its_end(server):
    assert fetch(server, "/hijack_iter").body == b"plain end"


@pytest.mark.parametrize(
    "before", ["/file?n=300000&cl=300000", "/file?n=300000", "/large?n=300000"]
)
def test_socket_is_in_blocking_mode_whatever_was_sent_before(server, before, under_licorne):
    """sendfile needs O_NONBLOCK; the application that takes the connection later must not see it."""
    if not under_licorne:
        pytest.skip("gunicorn's threaded worker gives away a socket that does not block")
    with Client(server) as c:
        assert len(c.get(before).body) == 300_000
        c.send(request("/hijack_mode"))
        assert c.read_exactly(14) == b"blocking=True "
        for word in (b"one", b"two"):
            assert c.is_quiet(0.05)  # the server waits in recv
            c.send(word)
            assert c.read_exactly(3) == word.upper()
        c.half_close().expect_close()
