"""Limits and their answers: sizes, times, rates.  An early refusal must reach its client."""

import json
import re
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, chunk, fetch, request


def counts(s):
    return json.loads(fetch(s, "/counts").body)


# ---- sizes


@pytest.mark.asan_ci
def test_request_line(serve):
    s = serve("zoo:app", "--limit-request-line", "100")
    fits = "/ping?" + "a" * (100 - len("GET /ping? HTTP/1.1"))
    assert fetch(s, fits).status == 200
    r = fetch(s, fits + "aaa")
    assert (r.status, r.reason) == (414, "URI Too Long")
    s.wait_log(r"\[WARNING\] Invalid request from ip=127\.0\.0\.1: Request Line is too large")


def test_request_line_without_end(serve):
    s = serve("zoo:app", "--limit-request-line", "100")
    with Client(s) as c:
        c.send(b"GET /" + b"a" * 5000)
        assert c.read_response().status == 414
        c.expect_gone()


@pytest.mark.asan_ci
def test_field_count(serve, under_licorne):
    s = serve("zoo:app", "--limit-request-fields", "5")
    assert fetch(s, "/ping", headers=[(f"X-{i}", "v") for i in range(4)]).status == 200
    r = fetch(s, "/ping", headers=[(f"X-{i}", "v") for i in range(5)])
    assert (r.status, r.reason) == (431, "Request Header Fields Too Large")
    if under_licorne:  # dropped fields count too; gunicorn forgets them
        assert fetch(s, "/ping", headers=[(f"X_{i}", "v") for i in range(5)]).status == 431


@pytest.mark.asan_ci
def test_field_size(serve):
    s = serve("zoo:app", "--limit-request-field_size", "100")
    assert fetch(s, "/ping", headers={"X-A": "v" * 90}).status == 200
    assert fetch(s, "/ping", headers={"X-A": "v" * 200}).status == 431
    with Client(s) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"v" * 100_000)
        assert c.read_response().status == 431


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_body_size_by_length(serve):
    s = serve("zoo:app", "--limit-request-body", "1000")
    with Client(s) as c:
        assert c.get("/echo", "POST", body=b"x" * 1000).body == b"x" * 1000
        r = c.get("/echo", "POST", headers={"Content-Length": "1001"})
        assert r.status == 413 and r.header("Connection") == "close"
        c.expect_gone()
    assert counts(s)["echo"] == 1


@pytest.mark.asan_ci
@pytest.mark.licorne_only
@pytest.mark.parametrize("conf", ["", "body_buffering = False"])
def test_body_size_in_chunks(serve, conf):
    s = serve("zoo:app", "--limit-request-body", "1000", conf=conf, expect_errors=True)
    with Client(s) as c:
        assert c.get("/echo", "POST", chunks=[b"x" * 500] * 2).body == b"x" * 1000
        c.send(request("/echo", "POST", headers={"Transfer-Encoding": "chunked"}))
        c.send(chunk(b"x" * 1000), chunk(b"y"))
        assert c.read_response().status == 413
        c.expect_gone()
    with Client(s) as c:  # a chunk that announces too much is refused when it begins
        c.send(request("/echo", "POST", headers={"Transfer-Encoding": "chunked"}) + b"FFFFFFF\r\nx")
        assert c.read_response().status == 413
    if not conf:
        assert counts(s)["echo"] == 1


@pytest.mark.asan_ci
@pytest.mark.licorne_only
@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_refusal_reaches_a_client_that_is_still_sending(serve, kind):
    """Closing with bytes unread would reset the connection and lose the answer."""
    s = serve("zoo:app", "--limit-request-body", "1000")
    for _ in range(10):
        with Client(s) as c:
            if kind == "length":
                c.send(request("/echo", "POST", headers={"Content-Length": 50_000_000}))
                data = b"x" * 1_000_000
            else:
                c.send(request("/echo", "POST", headers={"Transfer-Encoding": "chunked"}))
                data = chunk(b"x" * 1_000_000)
            try:
                for _ in range(3):
                    c.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pytest.fail("reset while sending, before the answer could be read")
            assert c.read_response().status == 413


def test_refused_head_reaches_a_client_that_is_still_sending(serve):
    s = serve()
    for _ in range(10):
        with Client(s) as c:
            c.send(b"BAD\r\n\r\n" + b"x" * 60_000)
            assert c.read_response().status == 400


# ---- times


@pytest.mark.asan_ci
@pytest.mark.licorne_only
@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-A",
    ],
)
def test_header_time(serve, data):
    s = serve("zoo:app", "--header-timeout", "1")
    with Client(s) as c:
        began = time.monotonic()
        c.send(data)
        assert c.read_response().status == 408
        assert 0.8 < time.monotonic() - began < deadline(4)
        c.expect_gone()


@pytest.mark.licorne_only
def test_header_time_is_not_prolonged_by_dribbling(serve):
    s = serve("zoo:app", "--header-timeout", "1")
    with Client(s) as c:
        c.send(b"GET / HTTP/1.1\r\nX-A: ")
        end = time.monotonic() + deadline(5)
        while c.is_quiet(0.1):
            assert time.monotonic() < end
            c.send(b"v")
        assert c.read_response().status == 408


@pytest.mark.licorne_only
def test_header_time_counts_anew_for_each_request(serve):
    s = serve("zoo:app", "--header-timeout", "1", "--keep-alive", "20")
    with Client(s) as c:
        c.get("/ping")
        assert c.is_quiet(1.5)  # idle is not a slow head
        c.send(b"GET /ping HTTP/1.1\r\n")
        assert c.is_quiet(0.5)
        c.send(b"Host: x\r\n\r\n")
        assert c.read_response().body == b"pong"
        c.send(b"GET")
        assert c.read_response().status == 408


@pytest.mark.licorne_only
def test_silent_connection_ends(serve):
    """One that never sends a byte ends too, without an answer nobody asked for."""
    s = serve("zoo:app", "--header-timeout", "1", "--keep-alive", "1")
    with Client(s) as c:
        data = c.read_all()
        assert data == b"" or data.startswith(b"HTTP/1.1 408 ")


# ---- rates


@pytest.mark.asan_ci
@pytest.mark.licorne_only
@pytest.mark.parametrize("conf", ["", "body_buffering = False\n"])
def test_body_slower_than_the_minimum(serve, conf):
    s = serve(conf=conf + "body_min_rate = 1000\nmin_rate_window = 1\n", expect_errors=True)
    with Client(s) as c:
        c.send(request("/echo", "POST", body=b"x" * 100_000)[:-99_000])
        end = time.monotonic() + deadline(10)
        while c.is_quiet(0.1):
            assert time.monotonic() < end, "a body of 10 bytes a second was not refused"
            c.send(b"x")
        assert c.read_response().status == 408
    assert fetch(s, "/ping").status == 200


@pytest.mark.licorne_only
def test_body_slow_but_honest(serve):
    """A minimum rate, not a total: 40 windows' worth of time is fine above the rate."""
    s = serve(conf="body_min_rate = 100\nmin_rate_window = 1\n")
    with Client(s) as c:
        c.send(request("/echo", "POST", headers={"Content-Length": 1000}))
        for _ in range(19):
            c.send(b"x" * 50)
            assert c.is_quiet(0.15)
        c.send(b"x" * 50)
        assert len(c.read_response().body) == 1000


@pytest.mark.licorne_only
def test_reader_slower_than_the_minimum_is_cut(serve):
    s = serve(conf="send_min_rate = 10000\nmin_rate_window = 1\n")
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/large?n=20000000"))
        c.read_head()
        assert s.holds(c)
        wait_until(lambda: not s.holds(c), 20, "the end of a reader that reads nothing")
    assert fetch(s, "/ping").status == 200


@pytest.mark.licorne_only
def test_defaults_are_those_of_the_reference(serve):
    s = serve("zoo:app", "--print-config", start=False)
    assert s.run_to_exit() == 0
    for line in (
        "limit_request_line *= 4094",
        "limit_request_fields *= 100",
        "limit_request_field_size *= 8190",
        "limit_request_body *= 0",
        "body_memory *= 65536",
        "body_file *= 16777216",
        "response_memory *= 1048576",
        "response_file *= 268435456",
        "header_timeout *= 30",
        "body_min_rate *= 240",
        "keepalive *= 75",
        "worker_connections *= 1000",
    ):
        assert re.search(rf"^{line}$", s.out(), re.M), line
