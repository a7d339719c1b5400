"""The write() callable that start_response returns."""

import json

import pytest
from support.rawhttp import Client, ConnectionEnded, fetch, request


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(expect_errors=True)


def test_written_then_returned(server):
    with Client(server) as c:
        assert c.get("/write").body == b"one two "
        assert c.get("/write?more=1").body == b"one two three"
        r = c.get("/write?more=1&cl=13")
        assert (r.framing, r.body) == ("length", b"one two three")
        assert c.get("/write?cl=4").body == b"one "
        c.expect_open()


def test_written_short_of_the_length_cuts(server, under_licorne):
    if not under_licorne:
        pytest.skip("gunicorn keeps the connection open: the client hangs")
    with Client(server) as c, pytest.raises(ConnectionEnded):
        c.get("/write?cl=100")


def test_much_written(server):
    assert fetch(server, "/write_big").body == b"w" * 65536 * 64


def test_text_is_a_type_error(server):
    with Client(server) as c:
        c.send(request("/write_bad"))
        data = c.expect_gone()
    assert b"text" not in data.partition(b"\r\n\r\n")[2] or b"500" in data[:20]
    assert not data.endswith(b"0\r\n\r\n")
    assert json.loads(fetch(server, "/counts").body)["type_error"] >= 1


def test_error_after_write_cuts(server):
    with Client(server) as c:
        c.send(request("/write_then_error"))
        data = c.expect_gone()
    assert data.startswith(b"HTTP/1.1 200 ") and b"written" in data
    assert not data.endswith(b"0\r\n\r\n")
    server.wait_log("ValueError: after write")


def test_second_start_after_write_is_refused(server):
    r = fetch(server, "/write_before_start")
    assert r.body == b"first"
    assert json.loads(fetch(server, "/counts").body)["second_refused"] == 1


def test_written_data_leaves_at_once(serve):
    s = serve()
    with Client(s) as c:
        c.send(request("/write_steps"))
        c.read_head()
        while b"first" not in c.buffer:
            assert c.fill()
        (s.dir / "go1").touch()
        while not c.buffer.endswith(b"0\r\n\r\n"):
            assert c.fill()
        assert c.buffer == b"5\r\nfirst\r\n6\r\nsecond\r\n5\r\nthird\r\n0\r\n\r\n"
