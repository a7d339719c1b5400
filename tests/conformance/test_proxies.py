"""Plain traffic through nginx and HAProxy, over TCP and over a unix socket."""

import hashlib
import json
import os

import pytest
from blackbox.http1 import hostile_run as run
from support.clock import wait_until
from support.proxies import Haproxy, Nginx
from support.rawhttp import Client, fetch, request

SETUPS = {
    "nginx": lambda up: Nginx(up, idle_ms=5000),
    "nginx-streaming": lambda up: Nginx(up, is_buffering=False, idle_ms=5000),
    "haproxy": lambda up: Haproxy(up, idle_ms=5000),
}
MEGABYTE = os.urandom(1 << 20)


@pytest.fixture(scope="module", params=["tcp", "unix"])
def behind(request, serve_module):
    bind = "unix" if request.param == "unix" else None
    s = run.start(serve_module, "plain", bind=bind)
    return s, run.Journal(s)


@pytest.fixture(scope="module", params=SETUPS)
def proxy(request, behind):
    with SETUPS[request.param](behind[0].address) as p:
        yield p


def test_get(proxy):
    r = fetch(proxy, "/a?b=c")
    assert (r.status, r.text) == (200, "GET /a?b=c 0")


def test_head(proxy):
    with Client(proxy) as c:
        assert c.get("/a", "HEAD").body == b""
        assert c.get("/b").text == "GET /b 0"


def test_post_with_length(behind, proxy):
    behind[1].read()
    r = fetch(proxy, "/a", "POST", body=b"hello")
    assert (r.status, r.text) == (200, "POST /a 5")
    assert behind[1].calls()[-1]["body"] == "hello"


def test_post_in_chunks(behind, proxy):
    behind[1].read()
    r = fetch(proxy, "/a", "POST", chunks=[b"hello", b" ", b"world"])
    assert (r.status, r.text) == (200, "POST /a 11")
    assert behind[1].calls()[-1]["body"] == "hello world"


@pytest.mark.parametrize("how", ["length", "chunks"])
def test_large_upload(proxy, how):
    pieces = [MEGABYTE[i : i + 50000] for i in range(0, len(MEGABYTE), 50000)]
    kw = {"body": MEGABYTE} if how == "length" else {"chunks": pieces}
    r = fetch(proxy, "/-/upload", "POST", **kw)
    assert r.status == 200
    assert json.loads(r.text) == {
        "length": len(MEGABYTE),
        "sha256": hashlib.sha256(MEGABYTE).hexdigest(),
    }


def test_large_response(proxy):
    r = fetch(proxy, "/-/large")
    assert (r.status, r.body) == (200, b"0123456789abcdef" * 65536)


def test_kept_alive(behind, proxy):
    behind[1].read()
    with Client(proxy) as c:
        for i in range(50):
            assert c.get(f"/{i}").text == f"GET /{i} 0"
            assert c.get(f"/{i}", "POST", body=b"x" * i).text == f"POST /{i} {i}"
    assert len({call["stamp"] for call in behind[1].calls()}) == 100


def test_expect_continue(proxy):
    with Client(proxy) as c:
        c.send(request("/a", "POST", headers={"Expect": "100-continue", "Content-Length": "5"}))
        assert c.read_response(interim=True).status == 100
        c.send(b"hello")
        assert c.read_response().text == "POST /a 5"


def test_client_leaves_in_its_body(behind, proxy):
    server, journal = behind
    journal.read()
    for _ in range(10):
        c = Client(proxy)
        c.send(request("/gone", "POST", headers={"Content-Length": "100000"}) + b"x" * 10)
        c.reset()
    assert fetch(proxy, "/after").text == "GET /after 0"
    if server.kind == "licorne":
        uris = [call["uri"] for call in journal.read()]
        assert "/gone" not in uris, "called for a body that never came"


def test_client_leaves_before_its_answer(behind, proxy):
    journal = behind[1]
    journal.read()
    for i in range(10):
        c = Client(proxy)
        c.send(request(f"/gone/{i}"))
        c.reset()
    assert fetch(proxy, "/after").text == "GET /after 0"
    with Client(proxy) as c:
        assert [c.get(f"/{i}").text for i in range(10)] == [f"GET /{i} 0" for i in range(10)]
    stamps = [r["stamp"] for r in journal.read() if r["at"] == "enter"]
    assert len(set(stamps)) == len(stamps) and None not in stamps
    wait_until(lambda: set(stamps) <= set(proxy.forwarded()), 10, "the proxy's log")
