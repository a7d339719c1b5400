"""A real Django application, end to end."""

import hashlib
import json
import pathlib

import pytest
from support.rawhttp import Client, fetch

pytest.importorskip("django")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module("django_app:app", expect_errors=True)


@pytest.mark.asan_ci
def test_pages(server):
    with Client(server) as c:
        assert c.get("/").text == "hello"
        got = json.loads(c.get("/json/?a=1&a=2&b=%C3%A9", host="site:99").body)
        assert got["query"] == {"a": ["1", "2"], "b": ["\u00e9"]}
        assert got["uri"] == "http://site:99/json/?a=1&a=2&b=%C3%A9"
        assert got["remote"] == "127.0.0.1" and got["secure"] is False
        r = c.get("/json?x=1")
        assert r.status == 301 and r.header("Location") == "/json/?x=1"
        assert c.get("/nowhere/").status == 404
        assert c.get("/", "HEAD").body == b""


def test_behind_a_proxy_with_tls(server):
    got = json.loads(fetch(server, "/json/", headers={"X-Forwarded-Proto": "https"}).body)
    assert got["secure"] is True and got["uri"].startswith("https://")


def test_form(server):
    with Client(server) as c:
        r = c.get("/form/", "POST", headers=FORM, body=b"name=Ann&age=7")
        assert json.loads(r.body) == {"name": "Ann", "age": 7}
        r = c.get("/form/", "POST", headers=FORM, body=b"name=&age=-1")
        assert r.status == 422 and set(json.loads(r.body)["errors"]) == {"name", "age"}


@pytest.mark.parametrize("size", [1, 50_000, 3_000_000])
def test_upload(server, size):
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    body = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--B--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    got = json.loads(fetch(server, "/upload/", "POST", headers=headers, body=body).body)
    assert got == {"name": "f.bin", "length": size, "sha256": hashlib.sha256(data).hexdigest()}


def test_body(server):
    got = json.loads(fetch(server, "/body/", "POST", body=b"x" * 70_000).body)
    assert got == {"length": 70_000, "read": "70000"}


def test_stream(server):
    with Client(server) as c:
        r = c.get("/stream/")
        assert r.framing == "chunked" and r.text == "".join(f"row {i}\n" for i in range(1000))
        c.get("/")


def test_session(server):
    cookie = ""
    with Client(server) as c:
        for n in (1, 2, 3):
            r = c.get("/visits/", headers={"Cookie": cookie} if cookie else {})
            assert json.loads(r.body) == {"visits": n}
            cookie = r.header("Set-Cookie").partition(";")[0]


def test_files(server):
    source = pathlib.Path(__file__).parents[2] / "apps" / "django_app.py"
    with Client(server) as c:
        assert c.get("/static/").body == source.read_bytes()
        r = c.get("/big/")
        assert r.header("Content-Length") == str(256 * 20_000)
        assert r.body == bytes(range(256)) * 20_000
        assert c.get("/").text == "hello"


def test_crash(server):
    with Client(server) as c:
        assert c.get("/crash/").status == 500
        server.wait_log("RuntimeError: crashed in a view")
        assert c.get("/").text == "hello"
