"""start_response: what it accepts, refuses and replaces.  A refused head is a 500, never sent."""

import pytest
from support.rawhttp import Client, fetch


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(expect_errors=True)


@pytest.mark.licorne_only
def test_status_without_reason(server):
    """The space before the empty reason is not optional (RFC 9112 4); gunicorn leaves it out."""
    r = fetch(server, "/bare_status")
    assert (r.status, r.body) == (200, b"hi")


@pytest.mark.parametrize(
    "line", ["201 Created", "404 Not Found", "599 Own Words Here", "200 ", "418 I'm a teapot"]
)
def test_status_line_is_sent_as_given(server, line):
    r = fetch(server, f"/status?s={line.replace(' ', '%20')}&b=x")
    assert f"{r.status} {r.reason}".strip() == line.strip()


def test_latin1_reason(server):
    r = fetch(server, "/latin_reason")
    assert r.status in (200, 500)
    if r.status == 200:
        assert r.reason == "caf\xe9"


@pytest.mark.asan_ci
@pytest.mark.parametrize(
    "kind",
    [
        "bytes",
        "int",
        "none",
        "long",
        "short",
        "letters",
        "empty",
        "crlf",
        "lf",
        "nul",
        "tight",
        "space",
        "unicode",
    ],
)
def test_bad_status_is_a_500(server, kind):
    with Client(server) as c:
        r = c.get(f"/bad_status?v={kind}")
        assert r.status == 500
        assert b"X-Injected" not in r.head
        c.expect_gone()
    assert fetch(server, "/ping").status == 200


@pytest.mark.asan_ci
@pytest.mark.parametrize(
    "kind",
    [
        "name_space",
        "name_colon",
        "name_empty",
        "name_crlf",
        "name_lf",
        "name_ctl",
        "name_nul",
        "name_unicode",
        "name_latin",
        "name_bytes",
        "name_int",
        "value_crlf",
        "value_lf",
        "value_cr",
        "value_nul",
        "value_ctl",
        "value_del",
        "value_unicode",
        "value_bytes",
        "value_int",
        "value_none",
        "value_fold",
        "cl_text",
        "cl_float",
        "cl_empty",
        "cl_minus",
        "pair_of_three",
        "pair_of_one",
        "not_pair",
    ],
)
def test_bad_header_is_a_500(server, kind, under_licorne):
    if kind == "cl_minus" and not under_licorne:
        pytest.skip("gunicorn sends a negative Content-Length")
    with Client(server) as c:
        r = c.get(f"/bad_headers?v={kind}")
        assert r.status == 500
        assert b"X-Injected" not in r.head and b"X-A" not in r.head
        c.expect_gone()
    assert fetch(server, "/ping").status == 200


def test_headers_in_a_tuple(server):
    r = fetch(server, "/headers_not_list")
    assert r.status in (200, 500)


def test_second_call_without_exc_info(server):
    r = fetch(server, "/twice")
    assert (r.status, r.body) == (200, b"ae")


@pytest.mark.licorne_only
@pytest.mark.parametrize("path, body", [("/replace", b"new"), ("/replace_lazily", b"new")])
def test_exc_info_before_sending_replaces(server, path, body):
    """Replaces, not adds (gunicorn keeps the old headers, and sends the head at an empty chunk)."""
    r = fetch(server, path)
    assert (r.status, r.reason, r.body) == (503, "Gone Wrong", body)
    assert r.header("X-New") == "1" and r.header("X-Old") is None


def test_exc_info_after_sending_raises_again(server):
    with Client(server) as c:
        c.send(b"GET /replace_late HTTP/1.1\r\nHost: x\r\n\r\n")
        data = c.expect_gone()
    assert data.startswith(b"HTTP/1.1 200 ")
    assert b"begun" in data and b"never sent" not in data and b"X-New" not in data
    assert not data.endswith(b"0\r\n\r\n")
    server.wait_log("ValueError: too late to replace")


@pytest.mark.parametrize("path", ["/never_started", "/never_started_empty"])
def test_application_that_never_starts_is_a_500(server, path, under_licorne):
    if path == "/never_started_empty" and not under_licorne:
        pytest.skip("gunicorn closes or answers nonsense here")
    r = fetch(server, path)
    assert r.status == 500


def test_start_in_the_iterator(server):
    r = fetch(server, "/started_in_iterator")
    assert (r.status, r.body) == (200, b"late start")
