"""wsgi.input in all its methods, however the body travels and wherever the server keeps it.

The same calls run against every way a body may reach the application: with a length or in chunks;
buffered in memory, spooled to a file, or streamed while the application reads.
"""

import hashlib
import json
import random
import urllib.parse

import pytest
from support.rawhttp import Client, chunk, fetch, request

WAYS = {
    "memory": "",
    "file": "body_memory = 4\n",
    "streamed": "body_buffering = False\n",
    "beyond": "body_memory = 1\nbody_file = 2\n",
}


@pytest.fixture(scope="module", params=list(WAYS))
def server(serve_module, request, under_licorne):
    if request.param != "memory" and not under_licorne:
        pytest.skip("one way in gunicorn")
    return serve_module(conf=WAYS[request.param])


def ask(server, body, calls, how="length"):
    """The results of `calls` on an input that holds `body`."""
    target = "/methods?calls=" + urllib.parse.quote(json.dumps(calls))
    with Client(server) as c:
        if how == "length":
            c.send(request(target, "POST", body=body))
        elif how == "chunked":
            c.send(request(target, "POST", chunks=[body]))
        elif how == "small chunks":
            c.send(request(target, "POST", chunks=[body[i : i + 1] for i in range(len(body))]))
        elif how == "bytewise":
            c.send_bytewise(request(target, "POST", body=body))
        r = c.read_response()
        assert r.status == 200, r
        c.expect_open()
    return json.loads(r.body)


HOW = ["length", "chunked", "small chunks", "bytewise"]
LINES = b"one\ntwo\n\nfour\r\nlast"


@pytest.mark.asan_ci
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    "calls, results",
    [
        ([["read"]], ["one\ntwo\n\nfour\r\nlast"]),
        ([["read", -1], ["read"]], ["one\ntwo\n\nfour\r\nlast", ""]),
        ([["read", None], ["read", 5]], ["one\ntwo\n\nfour\r\nlast", ""]),
        ([["read", -99]], ["one\ntwo\n\nfour\r\nlast"]),
        ([["read", 0], ["read", 1], ["read", 0], ["read", 2]], ["", "o", "", "ne"]),
        ([["read", 1000], ["read", 1]], ["one\ntwo\n\nfour\r\nlast", ""]),
        (
            [["readline"], ["readline"], ["readline"], ["readline"], ["readline"], ["readline"]],
            ["one\n", "two\n", "\n", "four\r\n", "last", ""],
        ),
        (
            [["readline", 2], ["readline", 1], ["readline", 5], ["readline", 100]],
            ["on", "e", "\n", "two\n"],
        ),
        ([["readline", 4], ["readline", 4]], ["one\n", "two\n"]),
        ([["readline", 0], ["readline", -1]], ["", "one\n"]),
        ([["readline", None]], ["one\n"]),
        ([["readlines"], ["readlines"]], [["one\n", "two\n", "\n", "four\r\n", "last"], []]),
        ([["readlines", 1000]], [["one\n", "two\n", "\n", "four\r\n", "last"]]),
        ([["iter"], ["iter"]], [["one\n", "two\n", "\n", "four\r\n", "last"], []]),
        (
            [["next"], ["read", 2], ["readline"], ["next"], ["read"], ["next"]],
            ["one\n", "tw", "o\n", "\n", "four\r\nlast", "STOP"],
        ),
        (
            [["read", 3], ["readline"], ["readlines"], ["read"], ["readline"]],
            ["one", "\n", ["two\n", "\n", "four\r\n", "last"], "", ""],
        ),
    ],
)
def test_calls(server, calls, results, how):
    assert ask(server, LINES, calls, how) == results


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_empty_body(server, how):
    calls = [["read"], ["read", 5], ["readline"], ["readlines"], ["iter"], ["next"]]
    expected = ["", "", "", [], [], "STOP"]
    assert ask(server, b"", calls, how) == expected


def test_no_body_at_all(server):
    target = "/methods?calls=" + urllib.parse.quote('[["read"],["readline"],["iter"]]')
    assert json.loads(fetch(server, target).body) == ["", "", []]


@pytest.mark.parametrize("args", [["x"], [1.5], [1, 2]])
@pytest.mark.parametrize("name", ["read", "readline"])
def test_wrong_arguments_are_a_type_error(server, name, args):
    assert ask(server, b"body", [[name, *args], ["read"]]) == [
        {"error": "TypeError", "ioerror": False},
        "body",
    ]


def test_line_longer_than_any_buffer(server):
    body = b"x" * 300_000 + b"\n" + b"y" * 10
    got = ask(server, body, [["readline"], ["readline"]])
    assert [len(g) for g in got] == [300_001, 10]


def test_attributes(server):
    got = json.loads(fetch(server, "/attributes").body)
    assert got["read"] and got["readline"] and got["readlines"] and got["__iter__"]
    assert not got["fileno"] and not got["seek"]


def test_repeated_requests_do_not_mix(server):
    with Client(server) as c:
        for n in (3, 0, 70_000, 1, 5):
            assert c.get("/echo", "POST", body=b"%d" % n * n).body == b"%d" % n * n
            assert c.get("/echo", "POST", chunks=[b"c" * n]).body == b"c" * n


@pytest.mark.parametrize("size", [1, 1000, 65535, 65536, 65537, 200_000, 3_000_000])
@pytest.mark.parametrize("piece", [1000, 65536, 10_000_000])
@pytest.mark.parametrize("how", ["length", "chunked"])
def test_sizes(server, size, piece, how):
    body = random.Random(size).randbytes(size)
    kw = {"body": body} if how == "length" else {"chunks": split(body, 50_000)}
    with Client(server) as c:
        got = json.loads(c.get(f"/digest?n={piece}", "POST", **kw).body)
        assert got["length"] == size
        assert got["sha256"] == hashlib.sha256(body).hexdigest()
        c.expect_open()


def split(data, n):
    return [data[i : i + n] for i in range(0, len(data), n)]


def test_beyond_sixteen_megabytes(server):
    body = random.Random(1).randbytes(1 << 20) * 20
    with Client(server) as c:
        got = json.loads(c.get("/digest?n=100000", "POST", body=body).body)
        assert got["sha256"] == hashlib.sha256(body).hexdigest()
        got = json.loads(c.get("/digest?n=100000", "POST", chunks=split(body, 1 << 20)).body)
        assert got["sha256"] == hashlib.sha256(body).hexdigest()
        c.expect_open()


def test_chunk_extensions_and_trailers_are_not_body(server):
    with Client(server) as c:
        head = request("/echo", "POST", headers={"Transfer-Encoding": "chunked"})
        body = chunk(b"one", ";a=b") + chunk(b"two", ';c="d;\\" e"') + b"0;x\r\nX-T: v\r\n\r\n"
        c.send(head + body)
        assert c.read_response().body == b"onetwo"
        c.send_bytewise(head + body)
        assert c.read_response().body == b"onetwo"
        c.expect_open()


def test_partly_read_body(server):
    """What the application leaves is skipped, or the connection ends; it is never a request."""
    evil = request("/never_called_by_smuggling")
    body = b"12345" + evil + b"x" * 1000
    for kw in ({"body": body}, {"chunks": [body]}):
        with Client(server) as c:
            r = c.get("/read_some?n=5", "POST", **kw)
            assert r.body == b"12345"
            if r.header("Connection") == "keep-alive":
                c.expect_open()
            else:
                c.expect_gone()
    assert "never_called_by_smuggling" not in json.loads(fetch(server, "/counts").body)


@pytest.mark.parametrize("size", [10, 100_000, 2_000_000])
def test_unread_body(server, size, under_licorne):
    """Skipped, or the end is announced (gunicorn announces nothing beyond 64 KiB and closes)."""
    if size > 65536 and not under_licorne:
        pytest.skip("gunicorn says keep-alive and closes")
    for kw in ({"body": b"u" * size}, {"chunks": [b"u" * size]}):
        with Client(server) as c:
            r = c.get("/unread", "POST", **kw)
            assert r.body == b"unread"
            if r.header("Connection") == "keep-alive":
                c.expect_open()


@pytest.mark.licorne_only
def test_buffered_body_is_complete_before_the_call(serve):
    """The application is not called for a body that is still on its way."""
    s = serve()
    with Client(s) as c:
        data = request("/begun", "POST", body=b"x" * 1000)
        c.send(data[:-1])
        assert c.is_quiet(0.3)
        assert fetch(s, "/ping").status == 200  # and holds nobody up
        assert not (s.dir / "called").exists()
        (s.dir / "go").touch()
        c.send(data[-1:])
        assert c.read_response().body == b"1000"


@pytest.mark.licorne_only
@pytest.mark.parametrize(
    "args",
    [
        ["--no-body-buffering"],
        ["--body-file", "10", "--body-memory", "5"],
    ],
)
def test_streamed_body_is_read_while_it_comes(serve, args):
    s = serve("zoo:app", *args)
    with Client(s) as c:
        body = b"first second third"
        data = request("/read_steps", "POST", body=body)
        c.send(data[: -len(body) + 5])
        s.wait_for_mark("first")
        c.send(b" second", b" third")
        assert c.read_response().body == b"first| second third"
        c.send(request("/read_steps", "POST", headers={"Transfer-Encoding": "chunked"}))
        for piece in (b"fi", b"rst", b" sec", b"ond third"):
            c.send(chunk(piece))
        c.send(b"0\r\n\r\n")
        assert c.read_response().body == b"first| second third"
        c.expect_open()


@pytest.mark.licorne_only
def test_bad_chunk_in_a_buffered_body_never_reaches_the_application(serve):
    s = serve()
    with Client(s) as c:
        c.send(request("/echo", "POST", headers={"Transfer-Encoding": "chunked"}))
        c.send(b"3\r\nabc\r\nzz\r\n")
        assert c.read_response().status == 400
        c.expect_close()
    assert "echo" not in json.loads(fetch(s, "/counts").body)


def test_bad_chunk_in_a_streamed_body_is_an_error_of_read(serve):
    s = serve(conf="body_buffering = False", expect_errors=True)
    with Client(s) as c:
        c.send(request("/error_in_read", "POST", headers={"Transfer-Encoding": "chunked"}))
        c.send(b"3\r\nabc\r\nzz\r\n")
        assert c.read_response().status == 400
        c.expect_close()
    assert s.wait_for_mark("ended").startswith("error ")
    assert fetch(s, "/ping").status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_client_that_goes_in_a_streamed_body(serve, framing):
    """A short read, or an OSError: the application comes to an end either way."""
    s = serve(conf="body_buffering = False", expect_errors=True)
    c = Client(s)
    if framing == "length":
        c.send(request("/error_in_read", "POST", body=b"x" * 1000)[:-500])
    else:
        c.send(request("/error_in_read", "POST", headers={"Transfer-Encoding": "chunked"}))
        c.send(chunk(b"x" * 500))
    c.half_close()
    said = s.wait_for_mark("ended")
    assert said == "bytes 500" if framing == "length" else said.startswith("error ")
    c.close()
    assert fetch(s, "/ping").status == 200


@pytest.mark.licorne_only
def test_client_that_goes_in_a_buffered_body(serve):
    s = serve()
    for framing in ({"body": b"x" * 100_000}, {"chunks": [b"x" * 100_000]}):
        with Client(s) as c:
            c.send(request("/echo", "POST", **framing)[:-1000])
        c = Client(s)
        c.send(request("/echo", "POST", **framing)[:-1000])
        c.reset()
    assert fetch(s, "/ping").status == 200
    assert "echo" not in json.loads(fetch(s, "/counts").body)


def test_body_read_after_the_response_began(server):
    with Client(server) as c:
        r = c.get("/after_response", "POST", body=b"x" * 300_000)
        assert r.body == b"head 300000"
        if r.header("Connection") == "keep-alive":  # said before the body was read
            c.expect_open()
