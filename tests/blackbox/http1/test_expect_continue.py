"""Expect: 100-continue: who sends the 100, when, and when not."""

import pytest
from support.rawhttp import Client, chunk, fetch, request

pytestmark = pytest.mark.asan_ci
EXPECT = {"Expect": "100-continue"}


def head(target, length=None, **kw):
    framing = {"Content-Length": length} if length is not None else {"Transfer-Encoding": "chunked"}
    return request(target, "POST", headers={**EXPECT, **framing}, **kw)


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
def test_buffered_body(server, value):
    with Client(server) as c:
        for _ in range(2):
            c.send(request("/echo", "POST", headers={"Expect": value, "Content-Length": 5}))
            r = c.read_response(interim=True)
            assert (r.status, r.head) == (100, b"HTTP/1.1 100 Continue\r\n\r\n")
            c.send(b"hello")
            r = c.read_response()
            assert (r.interim, r.body) == ([], b"hello")


def test_chunked_body(server):
    with Client(server) as c:
        c.send(head("/echo"))
        assert c.read_response(interim=True).status == 100
        c.send(chunk(b"hello") + b"0\r\n\r\n")
        assert c.read_response().body == b"hello"
        c.expect_open()


@pytest.mark.licorne_only
def test_buffered_the_100_comes_before_the_application(serve):
    s = serve()
    with Client(s) as c:
        c.send(head("/begun", 5))
        assert c.read_response(interim=True).status == 100
        assert fetch(s, "/ping").status == 200
        assert not (s.dir / "called").exists()
        (s.dir / "go").touch()
        c.send(b"hello")
        assert c.read_response().body == b"5"


@pytest.mark.licorne_only
def test_streamed_the_100_comes_at_the_first_read(serve):
    s = serve(conf="body_buffering = False")
    with Client(s) as c:
        c.send(head("/begun", 5))
        s.wait_for_mark("called")
        assert c.is_quiet(0.2)
        (s.dir / "go").touch()
        assert c.read_response(interim=True).status == 100
        c.send(b"hello")
        assert c.read_response().body == b"5"
        c.expect_open()


@pytest.mark.licorne_only
def test_streamed_and_refused_without_reading(serve):
    """No 100, so the client need not send; the connection cannot be used on, and says so."""
    s = serve(conf="body_buffering = False")
    with Client(s) as c:
        c.send(head("/begun_never_reads", 1_000_000))
        r = c.read_response()
        assert (r.status, r.interim) == (403, []) and r.header("Connection") == "close"
        c.expect_gone()


@pytest.mark.licorne_only
def test_not_sent_when_the_body_is_already_there(server):
    with Client(server) as c:
        c.send(head("/echo", 5) + b"hello")
        r = c.read_response()
        assert (r.interim, r.body) == ([], b"hello")


@pytest.mark.licorne_only
def test_not_sent_when_the_body_is_refused(serve):
    s = serve(conf="limit_request_body = 100")
    with Client(s) as c:
        c.send(head("/echo", 101))
        r = c.read_response()
        assert (r.status, r.interim) == (413, [])
        c.expect_gone()


def test_no_body_announced(server):
    with Client(server) as c:
        c.send(request("/ping", headers=EXPECT))
        assert c.read_response().status == 200
        c.send(head("/echo", 0))
        assert c.read_response().body == b""


def test_http10_gets_no_100(server):
    with Client(server) as c:
        c.send(head("/echo", 5, version="HTTP/1.0"))
        assert c.is_quiet(0.2)
        c.send(b"hello")
        r = c.read_response()
        assert (r.interim, r.body) == ([], b"hello")


@pytest.mark.parametrize("value", ["200-ok", "100-continue, x", "nonsense"])
def test_other_expectations(server, value):
    with Client(server) as c:
        r = c.get("/ping", headers={"Expect": value})
        assert (r.status, r.reason) == (417, "Expectation Failed")
        c.expect_gone()
