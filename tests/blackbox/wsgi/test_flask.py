"""A real Flask application, end to end."""

import hashlib
import json
import pathlib
import urllib.parse

import pytest
from support.rawhttp import Client, fetch

pytest.importorskip("flask")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module("flask_app:app", expect_errors=True)


def multipart(name, data, note):
    boundary = "----boundary7"
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\n{note}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: application/x-test\r\n\r\n"
        ).encode()
        + data
        + f"\r\n--{boundary}--\r\n".encode()
    )
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


@pytest.mark.asan_ci
def test_pages(server):
    with Client(server) as c:
        assert c.get("/").text == "hello"
        r = c.get("/json?a=1&a=2&b=%C3%A9", headers={"User-Agent": "test"})
        assert json.loads(r.body) == {"query": {"a": ["1", "2"], "b": ["\u00e9"]}, "ua": "test"}
        assert c.get("/missing").status == 404
        assert c.get("/nowhere").status == 404
        assert c.get("/form").status == 405
        assert c.get("/", "HEAD").header("Content-Length") == "5"
        assert "GET" in c.get("/", "OPTIONS").header("Allow")


def test_url_parts(server):
    got = json.loads(fetch(server, "/where/a%20b/%C3%A9?x=1", host="site:99").body)
    assert urllib.parse.unquote(got["url"]) == "http://site:99/where/a b/\u00e9?x=1"
    assert got["rest"] == "a b/\u00e9" and got["remote"] == "127.0.0.1"


def test_form(server):
    body = urllib.parse.urlencode([("a", "1"), ("a", "2"), ("e", "\u00e9")]).encode()
    with Client(server) as c:
        for kw in ({"body": body}, {"chunks": [body[:5], body[5:]]}):
            got = json.loads(c.get("/form", "POST", headers=FORM, **kw).body)
            assert got == {"a": ["1", "2"], "e": ["\u00e9"]}


@pytest.mark.parametrize("size", [0, 10, 100_000, 5_000_000])
def test_upload(server, size):
    data = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    headers, body = multipart("up.bin", data, "noted")
    with Client(server) as c:
        for kw in ({"body": body}, {"chunks": [body]}):
            got = json.loads(c.get("/upload", "POST", headers=headers, **kw).body)
            assert got == {
                "name": "up.bin",
                "type": "application/x-test",
                "length": size,
                "sha256": hashlib.sha256(data).hexdigest(),
                "note": "noted",
            }


def test_chunked_body_is_seen_whole(server):
    """werkzeug reads a body without length only because of wsgi.input_terminated."""
    got = json.loads(fetch(server, "/body", "POST", chunks=[b"x" * 5000] * 3).body)
    assert got == {"length": 15000, "declared": None}


def test_stream(server):
    r = fetch(server, "/stream?n=1000")
    assert r.framing == "chunked"
    assert r.text == "".join(f"row {i}\n" for i in range(1000))


def test_session(server):
    with Client(server) as c:
        r = c.get("/login", "POST", headers=FORM, body=b"user=ann")
        assert r.status == 302 and r.header("Location") == "/me"
        for n in (1, 2, 3):
            cookie = r.header("Set-Cookie").partition(";")[0]
            r = c.get("/me", headers={"Cookie": cookie})
            assert json.loads(r.body) == {"user": "ann", "visits": n}


def test_cookies(server):
    r = fetch(server, "/cookies", headers={"Cookie": "a=1; b=2"})
    assert json.loads(r.body) == {"a": "1", "b": "2"}
    assert [v.partition(";")[0] for v in r.all("Set-Cookie")] == ["one=1", "two=2"]


def test_files(server):
    r = fetch(server, "/file")
    assert r.body == b"0123456789" * 1000
    assert "ten.bin" in r.header("Content-Disposition")
    source = pathlib.Path(__file__).parents[2] / "apps" / "flask_app.py"
    with Client(server) as c:
        r = c.get("/self")
        assert r.body == source.read_bytes()
        again = c.get("/self", headers={"If-None-Match": r.header("ETag")})
        assert (again.status, again.body) == (304, b"")
        part = c.get("/self", headers={"Range": "bytes=10-19"})
        assert (part.status, part.body) == (206, source.read_bytes()[10:20])


def test_crash(server):
    with Client(server) as c:
        r = c.get("/crash")
        assert r.status == 500
        server.wait_log("RuntimeError: crashed in a view")
        assert c.get("/").text == "hello"
