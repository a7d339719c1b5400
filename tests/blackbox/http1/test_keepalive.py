"""Connections that serve many requests: keep-alive, pipelining, half-close, idle time."""

import pytest
from support.clock import deadline
from support.rawhttp import Client, request

pytestmark = pytest.mark.asan_ci


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


def test_many_requests_on_one_connection(server):
    with Client(server) as c:
        for i in range(200):
            r = c.get(f"/echo?{i}", "POST", body=b"%d" % i)
            assert r.body == b"%d" % i and r.header("Connection") == "keep-alive"


@pytest.mark.parametrize("value", ["close", "Close", "CLOSE"])
def test_close_on_request(server, value):
    with Client(server) as c:
        r = c.get("/ping", headers={"Connection": value})
        assert r.header("Connection") == "close"
        c.expect_close()


def test_requests_after_close_are_not_served(server):
    with Client(server) as c:
        c.send(request("/ping", headers={"Connection": "close"}) + request("/ping"))
        assert c.read_response().body == b"pong"
        c.expect_close()


def test_leading_empty_line_is_forgiven(server):
    with Client(server) as c:
        c.send(b"\r\n" + request("/ping"))
        assert c.read_response().body == b"pong"
        c.send(b"\r\n" + request("/ping"))
        assert c.read_response().body == b"pong"


# ---- pipelining


def pipeline(n):
    """n requests of all kinds, and the bodies of their answers."""
    data, expected = b"", []
    for i in range(n):
        word = b"%d" % i * (i % 7)
        kind = i % 4
        if kind == 0:
            data += request("/ping")
            expected.append(b"pong")
        elif kind == 1:
            data += request("/echo", "POST", body=word)
            expected.append(word)
        elif kind == 2:
            data += request("/echo", "PUT", chunks=[word[:3], word[3:]])
            expected.append(word)
        else:
            data += request("/iterable?v=generator", headers={"X-Pad": "p" * i})
            expected.append(b"onetwo")
    return data, expected


def test_pipelined_in_one_segment(server):
    data, expected = pipeline(100)
    with Client(server) as c:
        c.send(data)
        assert [r.body for r in c.read_responses(100)] == expected
        c.expect_open()


def test_pipelined_byte_by_byte(server):
    data, expected = pipeline(8)
    with Client(server) as c:
        c.send_bytewise(data)
        assert [r.body for r in c.read_responses(8)] == expected


def test_pipelined_and_split_anywhere(server):
    data, expected = pipeline(4)
    for point in range(1, len(data)):
        with Client(server) as c:
            c.send_split(data, point)
            assert [r.body for r in c.read_responses(4)] == expected, point


def test_pipelined_behind_a_large_response(server):
    with Client(server, rcvbuf=8192) as c:
        c.send(request("/large?n=3000000") + request("/ping") + request("/large?n=100&how=pieces"))
        assert [len(r.body) for r in c.read_responses(3)] == [3_000_000, 4, 100]


def test_pipelined_far_ahead(server):
    """More requests than any buffer holds, while the client reads nothing."""
    n = 20_000
    with Client(server) as c:
        sent = c.send_some(request("/ping") * n)
        whole = sent // len(request("/ping"))
        assert [r.body for r in c.read_responses(whole)] == [b"pong"] * whole


def test_an_error_ends_the_pipeline(server):
    with Client(server) as c:
        c.send(request("/ping") + b"BAD\r\n\r\n" + request("/ping"))
        assert [r.status for r in c.read_responses(2)] == [200, 400]
        c.expect_gone()


def test_methods_in_a_pipeline(server):
    with Client(server) as c:
        c.send(request("/ping", "HEAD") + request("/ping") + request("/head_only", "HEAD"))
        assert c.read_response("HEAD").header("Content-Length") == "4"
        assert c.read_response().body == b"pong"
        assert c.read_response("HEAD").header("Content-Length") == "5"


# ---- half-close


@pytest.mark.parametrize(
    "target", ["/ping", "/large?n=2000000", "/iterable?v=gen_many", "/file?n=500000"]
)
def test_half_closed_client_gets_its_answer(server, target):
    """printf 'GET ...' | nc -N: the request is whole, so the answer is too."""
    with Client(server) as c:
        c.send(request(target)).half_close()
        assert c.read_response().status == 200
        c.expect_close()


def test_half_close_after_a_body(server):
    with Client(server) as c:
        c.send(request("/echo", "POST", body=b"b" * 100_000)).half_close()
        assert c.read_response().body == b"b" * 100_000
        c.expect_close()


def test_half_close_after_a_pipeline(server):
    data, expected = pipeline(20)
    with Client(server) as c:
        c.send(data).half_close()
        assert [r.body for r in c.read_responses(20)] == expected
        c.expect_close()


def test_half_close_between_requests(server):
    with Client(server) as c:
        c.get("/ping")
        c.half_close().expect_close()


def test_half_close_without_a_request(server):
    with Client(server) as c:
        c.half_close().expect_close()


# ---- idle time


def test_idle_connection_is_closed(serve):
    s = serve("zoo:app", "--keep-alive", "1")
    with Client(s) as c:
        c.get("/ping")
        assert c.is_quiet(0.5)
        c.sock.settimeout(deadline(5))
        c.expect_close()


def test_default_idle_time_is_long(server, under_licorne):
    with Client(server) as c:
        c.get("/ping")
        assert c.is_quiet(3)
        c.expect_open()


@pytest.mark.licorne_only
def test_keep_alive_off(serve):
    s = serve("zoo:app", "--keep-alive", "0")
    with Client(s) as c:
        assert c.get("/ping").header("Connection") == "close"
        c.expect_close()
