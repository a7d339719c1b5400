"""An application that raises: a 500 if nothing has left, a cut if something has; always a log."""

import re

import pytest
from support.rawhttp import Client, fetch, request


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(expect_errors=True)


PAGE = (
    "<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n"
    "    <h1><p>Internal Server Error</p></h1>\n    \n  </body>\n</html>\n"
)


@pytest.mark.asan_ci
@pytest.mark.parametrize("view", ["raises", "raises_started", "raises_iterating"])
def test_before_anything_is_sent(server, view):
    with Client(server) as c:
        r = c.get(f"/{view}")
        assert (r.status, r.reason, r.text) == (500, "Internal Server Error", PAGE)
        assert r.header("Connection") == "close"
        assert r.header("Content-Type") == "text/html"
        assert r.version == "HTTP/1.1"
        c.expect_close()
    assert fetch(server, "/ping").status == 200


def test_log_of_an_error_before_the_head(serve):
    s = serve(expect_errors=True)
    fetch(s, "/raises?q=1")
    s.wait_log(
        r"\[ERROR\] Error handling request GET /raises\?q=1\n"
        r"Traceback \(most recent call last\):\n(?s:.*)ValueError: raised before anything\n"
    )
    assert re.search(r'File ".*zoo_respond\.py", line \d+, in raises', s.log())
    stamp = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]"
    line = rf"^{stamp} \[{s.worker_pids()[0]}\] \[ERROR\] Error handling"
    assert re.search(line, s.log(), re.M)
    assert s.log().count("Traceback") == 1


def test_log_of_an_error_after_the_head(serve):
    s = serve(expect_errors=True)
    with Client(s) as c:
        c.send(request("/raises_midway"))
        c.expect_gone()
    s.wait_log(r"\[ERROR\] Error handling request")
    s.wait_log("ValueError: raised midway")


@pytest.mark.asan_ci
@pytest.mark.parametrize("view", ["raises_midway", "raises_midway_length"])
def test_after_the_head_the_response_is_cut(server, view):
    """No second status line inside a body, and no end that looks complete."""
    with Client(server) as c:
        c.send(request(f"/{view}"), request("/ping"))
        data = c.expect_gone()
    assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.count(b"HTTP/1.1") == 1
    assert b"begun" in data and b"500" not in data and not data.endswith(b"0\r\n\r\n")


def test_error_over_http10_without_length_is_cut(server):
    with Client(server) as c:
        c.send(request("/raises_midway", version="HTTP/1.0"))
        data = c.expect_gone()
    assert data.endswith(b"\r\n\r\nbegun")


def test_error_in_answer_to_head(server):
    with Client(server) as c:
        c.send(request("/raises", "HEAD"))
        data = c.expect_gone()
    assert data.startswith(b"HTTP/1.1 500 ")


def test_error_with_an_unread_body(server):
    """The 500 arrives although the body was never read."""
    with Client(server) as c:
        c.send(request("/raises", "POST", body=b"x" * 200_000))
        assert c.read_response().status == 500


@pytest.mark.licorne_only
@pytest.mark.parametrize("view", ["raises_exit", "raises_keyboard"])
def test_base_exceptions_do_not_end_the_server(serve, view):
    """SystemExit in a view is the view's error; if the worker does go, another takes its place."""
    s = serve(expect_errors=True)
    with Client(s) as c:
        c.send(request(f"/{view}"))
        data = c.expect_gone()
    assert data == b"" or data.startswith(b"HTTP/1.1 500")
    s.wait_ready()
    assert fetch(s, "/ping").status == 200


def test_error_without_text(server):
    assert fetch(server, "/raises_unprintable").status == 500
    assert fetch(server, "/ping").status == 200


def test_nothing_of_the_error_is_shown_to_the_client(server):
    assert "raised before anything" not in fetch(server, "/raises").text


def test_many_errors_leak_nothing(server):
    fetch(server, "/raises")
    before = server.fd_count()
    for view in ("raises", "raises_iterating", "bad_headers?v=value_crlf", "raises_midway") * 25:
        with Client(server) as c:
            c.send(request(f"/{view}"))
            c.expect_gone()
    assert server.fd_count() <= before + 8
