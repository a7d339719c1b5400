"""The page and the log line of a refused request, and the settings that refuse less or more."""

import json
import re

import pytest
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.asan_ci


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


def test_page(server):
    """These bytes, without Server and Date, are what Gunicorn's users have seen and matched."""
    with Client(server) as c:
        c.send(b"GET /<b> HTTP/9.x\r\n\r\n")
        data = c.read_all()
    head, _, body = data.partition(b"\r\n\r\n")
    assert head == (
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\n"
        b"Content-Length: %d" % len(body)
    )
    assert body.startswith(
        b"<html>\n  <head>\n    <title>Bad Request</title>\n  </head>\n  <body>\n"
        b"    <h1><p>Bad Request</p></h1>\n    "
    )
    assert body.endswith(b"\n  </body>\n</html>\n")
    assert b"<b>" not in body


@pytest.mark.parametrize(
    "data, status, reason",
    [
        (b"BAD\r\n\r\n", 400, "Bad Request"),
        (b"get / HTTP/1.1\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/2.0\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/1.1\r\nA\r\n\r\n", 400, "Bad Request"),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414, "URI Too Long"),
        (b"GET / HTTP/1.1\r\nExpect: x\r\n\r\n", 417, "Expectation Failed"),
        (
            b"GET / HTTP/1.1\r\nA: " + b"v" * 9000 + b"\r\n\r\n",
            431,
            "Request Header Fields Too Large",
        ),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: foo, chunked\r\n\r\n", 501, None),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, None),
        (b"GET / HTTP/1.1\r\nSCRIPT_NAME: /x\r\n\r\n", 500, None),
    ],
)
def test_status(server, data, status, reason):
    with Client(server) as c:
        c.send(data)
        r = c.read_response()
        assert r.status == status and (reason is None or r.reason == reason)
        assert r.header("Connection") == "close"
        c.expect_close()


def test_log_line(serve):
    s = serve()
    with Client(s) as c:
        c.send(b"get / HTTP/1.1\r\n\r\n")
        c.read_all()
    s.wait_log(
        r"^\[[^]]+\] \[\d+\] \[WARNING\] Invalid request from ip=127\.0\.0\.1: "
        r"Invalid HTTP method: 'get'$"
    )


def test_log_line_of_a_unix_peer(serve):
    s = serve(bind="unix")
    with Client(s) as c:
        c.send(b"get / HTTP/1.1\r\n\r\n")
        c.read_all()
    s.wait_log(r"\[WARNING\] Invalid request from ip=: Invalid HTTP method: 'get'$")


def test_log_cannot_be_forged(serve):
    """What a client sends is quoted: no line of the log begins where the client wants."""
    s = serve()
    for data in (
        b"GET / HTTP/1.1\r\nA\x1b[31m\x07B\r\n\r\n",
        b"A\x00\x01\x7f\xff / HTTP/1.1\r\n\r\n",
    ):
        with Client(s) as c:
            c.send(data)
            c.read_all()
    s.wait_log("(?s)Invalid request.*Invalid request.*Invalid request")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", s.log())


def status(server, data):
    with Client(server) as c:
        c.send(data)
        return c.read_response().status


def test_unconventional_method(serve):
    data = b"ping# /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert status(serve(), data) == 400
    assert status(serve("zoo:app", "--permit-unconventional-http-method"), data) == 200


def test_casefold_method(serve):
    s = serve("zoo:app", "--permit-unconventional-http-method", "--casefold-http-method")
    r = fetch(s, "/environ", "pAtCh")
    assert json.loads(r.body)["values"]["REQUEST_METHOD"] == "PATCH"


def test_unconventional_version(serve):
    data = b"GET /ping HTTP/3.0\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert status(serve(), data) == 400
    with Client(serve("zoo:app", "--permit-unconventional-http-version")) as c:
        c.send(data)  # Gunicorn echoes the version, which no strict client would take
        assert re.match(rb"HTTP/\d\.\d 200 OK\r\n", c.read_all())


def test_spaces_after_a_name(serve):
    data = b"GET /environ HTTP/1.1\r\nHost : there\r\nConnection: close\r\n\r\n"
    assert status(serve(), data) == 400
    s = serve("zoo:app", "--strip-header-spaces")
    with Client(s) as c:
        c.send(data)
        assert json.loads(c.read_response().body)["values"]["HTTP_HOST"] == "there"


def test_folded_lines(serve):
    data = b"GET /environ HTTP/1.1\r\nHost: x\r\nX-A: one\r\n two\r\n\tthree\r\n\r\n"
    assert status(serve(), data) == 400
    s = serve("zoo:app", "--permit-obsolete-folding")
    with Client(s) as c:
        c.send(data)
        value = json.loads(c.read_response().body)["values"]["HTTP_X_A"]
    assert value.split() == ["one", "two", "three"] and "\r" not in value and "\n" not in value


@pytest.mark.licorne_only
def test_strict_host(serve):
    """RFC 9112 3.2 asks for it; Gunicorn serves without Host, so it is a choice."""
    without = request("/ping", host=None, headers={"Connection": "close"})
    assert status(serve(), without) == 200
    s = serve("zoo:app", "--strict-host")
    assert status(s, without) == 400
    assert fetch(s, "/ping").status == 200
    assert fetch(s, "/ping", host=None, version="HTTP/1.0").status == 200
