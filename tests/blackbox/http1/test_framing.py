"""The response on the wire: head order, filtering, framing, lengths that lie, forbidden bodies.

RFC 9112 6 decides how a body ends; the application's Content-Length is a promise that the server
keeps for it or breaks by closing, never by mixing two responses.
"""

import email.utils
import re
import time

import pytest
from support.rawhttp import Client, ConnectionEnded, fetch, request

pytestmark = pytest.mark.asan_ci


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(expect_errors=True)


def raw(server, data):
    with Client(server) as c:
        c.send(data)
        return c.half_close().read_all()


def test_head_bytes(server, under_licorne):
    head, _, body = raw(server, request("/ping")).partition(b"\r\n\r\n")
    date = rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
    name = b"licorne" if under_licorne else b"gunicorn"
    assert re.fullmatch(
        rb"HTTP/1\.1 200 OK\r\nServer: %s\r\nDate: %s\r\nConnection: (keep-alive|close)\r\n"
        rb"Content-Type: text/plain\r\nContent-Length: 4" % (name, date),
        head,
    ), head
    assert body == b"pong"


def test_head_bytes_when_chunked(server):
    """Empty items make no chunk (that would be the end); a list may leave as one chunk."""
    data = raw(server, request("/iterable?v=empty_chunks"))
    head, _, body = data.partition(b"\r\n\r\n")
    order = rb"\r\nConnection: [a-z-]+\r\nTransfer-Encoding: chunked\r\nContent-Type"
    assert re.search(order, head)
    assert body in (b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", b"6\r\nonetwo\r\n0\r\n\r\n")


def test_chunk_sizes_are_upper_case_hex(server):
    r = fetch(server, "/iterable?v=big")
    assert len(r.body) == 3_000_000
    assert all(s == s.upper() for s in re.findall(rb"(?:^|x\r\n)([0-9a-fA-F]+)\r\n", r.raw_body))


def test_date_is_now(server):
    then = email.utils.parsedate_to_datetime(fetch(server, "/ping").header("Date"))
    assert abs(then.timestamp() - time.time()) < 5


def test_date_moves_on(server):
    with Client(server) as c:
        first, end = c.get("/ping").header("Date"), time.monotonic() + 10
        while c.get("/ping").header("Date") == first:
            assert time.monotonic() < end


def test_headers_are_filtered_and_keep_their_order(server, under_licorne):
    r = fetch(server, "/response_headers")
    assert r.names() == [
        "Server",
        "Date",
        "Connection",
        "X-First",
        "Content-Length",
        "Set-Cookie",
        "set-cookie",
        "X-Padded",
        "X-Latin",
        "X-Empty",
        "X-Last",
    ]
    assert r.header("Server") == ("licorne" if under_licorne else "gunicorn")
    assert r.header("Date") != "yesterday" and r.header("Connection") == "keep-alive"
    assert r.header("X-Padded") == "v" and r.header("X-Latin") == "caf\xe9"
    assert r.all("Set-Cookie") == ["a=1", "b=2"]


def test_upgrade_of_the_applications_own(server):
    with Client(server) as c:
        c.send(request("/upgrade"))
        r = c.read_head()
    assert (r.status, r.header("Connection"), r.header("Upgrade")) == (101, "upgrade", "websocket")


# ---- HEAD and statuses without body


@pytest.mark.parametrize(
    "target, length",
    [
        ("/head_only", "5"),
        ("/ping", "4"),
        ("/iterable?v=list", None),
        ("/write", None),
        ("/large?n=5000000&cl=1&how=pieces", "5000000"),
        ("/file?n=5000", None),
    ],
)
def test_head(server, target, length):
    with Client(server) as c:
        for _ in range(2):
            r = c.get(target, "HEAD")
            assert r.status == 200 and r.header("Content-Length") == length
            assert not r.all("Transfer-Encoding")
        c.expect_open()


@pytest.mark.parametrize(
    "status, keeps_length",
    [
        ("204 No Content", False),
        ("304 Not Modified", True),
        ("100 Continue", False),
        ("199 Odd", False),
    ],
)
def test_statuses_without_body(server, status, keeps_length):
    with Client(server) as c:
        c.send(request("/no_body?s=" + status.replace(" ", "%20")))
        r = c.read_head()
        assert f"{r.status} {r.reason}" == status and r.header("X-A") == "1"
        assert bool(r.all("Content-Length")) == keeps_length
        assert not r.all("Transfer-Encoding")
        if r.status >= 200:
            c.expect_open()
    server.wait_log(r"WSGI app sent body bytes on a no-body response")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_body_and_length(server, status):
    with Client(server) as c:
        r = c.get(f"/status?nolen=1&s={status.replace(' ', '%20')}")
        assert not r.all("Transfer-Encoding") and not r.all("Content-Length")
        c.expect_open()


def test_205_and_empty_bodies(server):
    with Client(server) as c:
        assert c.get("/status?s=200%20OK").header("Content-Length") == "0"
        assert c.get("/iterable?v=empty_list").body == b""
        assert c.get("/iterable?v=only_empty").body == b""
        c.expect_open()


# ---- lengths that lie


@pytest.mark.parametrize(
    "target, body",
    [
        ("/closing?cl=30", b"a" * 10 + b"b" * 10 + b"c" * 10),
        ("/closing?cl=15", b"a" * 10 + b"b" * 5),
        ("/closing?cl=10", b"a" * 10),
        ("/closing?cl=0", b""),
        ("/status?b=hello&cl=3", b"hel"),
        ("/write?cl=6&more=1", b"one tw"),
    ],
)
def test_more_than_promised_is_cut_off(server, target, body):
    with Client(server) as c:
        assert c.get(target).body == body
        c.expect_open()


@pytest.mark.licorne_only
@pytest.mark.parametrize("target", ["/closing?cl=31", "/status?b=hello&cl=9", "/status?cl=1"])
def test_less_than_promised_closes(server, target):
    """gunicorn keeps the connection: the client would take the next response for the rest."""
    with Client(server) as c:
        c.send(request(target) + request("/ping"))
        with pytest.raises(ConnectionEnded) as e:
            c.read_response()
    assert b"HTTP/1.1" not in e.value.partial


# ---- HTTP/1.0


def test_http10_closes_and_is_never_chunked(server):
    with Client(server) as c:
        r = c.get("/iterable?v=generator", version="HTTP/1.0")
        assert (r.version, r.framing, r.body) == ("HTTP/1.0", "close", b"onetwo")
        assert r.header("Connection") == "close"


def test_http10_with_length(server):
    with Client(server) as c:
        r = c.get("/ping", version="HTTP/1.0")
        assert (r.version, r.framing, r.header("Connection")) == ("HTTP/1.0", "length", "close")
        c.expect_close()


def test_http10_keep_alive(server):
    ask = {"Connection": "Keep-Alive"}
    with Client(server) as c:
        for _ in range(3):
            r = c.get("/ping", version="HTTP/1.0", headers=ask)
            assert r.header("Connection") == "keep-alive"
        r = c.get("/iterable?v=generator", version="HTTP/1.0", headers=ask)
        assert (r.framing, r.header("Connection")) == ("close", "close")


def test_a_minor_version_of_the_future(server):
    r = fetch(server, "/ping", version="HTTP/1.2")
    assert r.status == 200 and r.version in ("HTTP/1.2", "HTTP/1.1")
