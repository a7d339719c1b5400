"""wsgi.file_wrapper: the same bytes with and without sendfile, and the class applications use."""

import json
import os

import pytest
from support.clock import wait_until
from support.rawhttp import Client, ConnectionEnded, fetch, request


def content(n):
    return (bytes(range(256)) * (n // 256 + 1))[:n]


@pytest.fixture(scope="module", params=["sendfile", "no-sendfile"])
def server(serve_module, request):
    args = ["--no-sendfile"] if request.param == "no-sendfile" else []
    return serve_module("zoo:app", *args)


def closed(server):
    return json.loads(fetch(server, "/counts").body).get("file_closed", 0)


@pytest.mark.asan_ci
@pytest.mark.parametrize("kind", ["real", "buffered", "bytesio", "loose"])
@pytest.mark.parametrize("n", [0, 1, 8192, 8193, 300_000])
def test_without_length(server, kind, n, under_licorne):
    if n == 0 and not under_licorne:
        pytest.skip("gunicorn ends an empty file's chunked body twice")
    with Client(server) as c:
        r = c.get(f"/file?kind={kind}&n={n}")
        assert (r.status, r.body) == (200, content(n))
        assert r.framing == "chunked" or n == 0
        c.expect_open()
    r = fetch(server, f"/file?kind={kind}&n={n}", version="HTTP/1.0")
    assert (r.framing, r.body) == ("close", content(n))


@pytest.mark.parametrize("kind", ["real", "buffered", "bytesio", "loose"])
def test_with_length(server, kind):
    with Client(server) as c:
        r = c.get(f"/file?kind={kind}&n=100000&cl=100000")
        assert (r.framing, r.body) == ("length", content(100000))
        c.expect_open()


@pytest.mark.parametrize("kind", ["real", "buffered", "bytesio"])
def test_from_an_offset(server, kind):
    with Client(server) as c:
        assert c.get(f"/file?kind={kind}&n=50000&at=49000").body == content(50000)[49000:]
        r = c.get(f"/file?kind={kind}&n=50000&at=1000&cl=500")
        assert r.body == content(50000)[1000:1500]
        c.expect_open()


@pytest.mark.licorne_only
def test_offset_at_and_beyond_the_end(server):
    """Nothing is left to send (gunicorn frames a chunk of negative size)."""
    assert fetch(server, "/file?n=1000&at=1000").body == b""
    assert fetch(server, "/file?n=1000&at=2000").body == b""


def test_length_shorter_than_the_file_truncates(server):
    with Client(server) as c:
        assert c.get("/file?n=100000&cl=10").body == content(10)
        c.expect_open()


@pytest.mark.licorne_only
def test_length_longer_than_the_file_cuts(server):
    """gunicorn keeps the connection open, and the client waits for bytes that never come."""
    with Client(server) as c, pytest.raises(ConnectionEnded):
        c.get("/file?n=1000&cl=2000")


def test_big_file(server):
    r = fetch(server, "/file?n=20000000&cl=20000000")
    assert r.body == content(20_000_000)


def test_big_file_to_a_slow_reader(server):
    with Client(server, rcvbuf=4096) as c:
        c.send(request("/file?n=5000000&cl=5000000"))
        assert fetch(server, "/ping").body == b"pong"  # the file holds nobody else up
        assert c.read_response().body == content(5_000_000)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_file_is_closed_once(server, method):
    before = closed(server)
    fetch(server, "/file?n=1000&cl=1000", method)
    wait_until(lambda: closed(server) > before, 10, "file closed", 0.05)
    assert closed(server) == before + 1


def test_the_file_is_closed_when_the_client_goes(server):
    before = closed(server)
    c = Client(server, rcvbuf=4096)
    c.send(request("/file?n=30000000&cl=30000000"))
    assert c.sock.recv(10)
    c.reset()
    wait_until(lambda: closed(server) > before, 20, "file closed", 0.05)
    assert closed(server) == before + 1


def test_head_sends_no_file(server):
    with Client(server) as c:
        r = c.get("/file?n=1000&cl=1000", "HEAD")
        assert r.header("Content-Length") == "1000"
        c.expect_open()


# Files whose size the kernel gives as 0, and one whose size it gives as a page.
MADE_UP = ["/proc/version", "/proc/filesystems", "/sys/kernel/mm/transparent_hugepage/enabled"]


@pytest.mark.licorne_only
@pytest.mark.parametrize("path", MADE_UP)
def test_file_whose_size_is_made_up(server, path):
    """gunicorn sends such a file as empty, or promises more than there is."""
    if not os.path.exists(path):
        pytest.skip(f"no {path} here")
    with open(path, "rb") as file:
        expected = file.read()
    with Client(server) as c:
        r = c.get("/file_at?path=" + path)
        assert (r.status, r.body, r.framing) == (200, expected, "chunked") and expected
        c.expect_open()
        r = c.get("/file_at?path=" + path, "HEAD")
        assert (r.status, r.body) == (200, b"")
        c.expect_open()


def test_class(server):
    got = json.loads(fetch(server, "/file_class").body)
    assert got["is_class"] and got["isinstance"] and got["filelike"] and got["no_close"]
    assert got["pieces"] == ["0123", "4567", "89"]
    assert got["child"] == "xyz"
    assert got["default"] == 8192
    assert got["name"] == "FileWrapper"


def test_subclass_that_changes_the_bytes(server):
    """A child that overrides iteration must be iterated, not sent as the file beneath."""
    assert fetch(server, "/file_child").body == b"LOWER"


def test_wrapper_inside_a_generator(server):
    assert fetch(server, "/file_middleware?n=30000").body == content(30000)


def test_no_descriptor_leaks(server):
    fetch(server, "/file?n=1000")
    before = server.fd_count()
    for _ in range(50):
        fetch(server, "/file?n=1000&cl=1000")
    assert server.fd_count() <= before + 4
