"""103 Early Hints from a WSGI application."""

import json

import pytest
from support.rawhttp import Client, fetch, request

LINKS = [["</a.css>; rel=preload", "</b.js>; rel=preload"], ["</c.png>; rel=preload"]]


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


@pytest.mark.asan_ci
def test_hints_come_before_the_response(server):
    with Client(server) as c:
        r = c.get("/hints")
        assert [i.status for i in r.interim] == [103, 103]
        assert [i.all("Link") for i in r.interim] == LINKS
        assert r.interim[0].head.startswith(b"HTTP/1.1 103 Early Hints\r\n")
        assert (r.status, r.body) == (200, b"final") and not r.all("Link")
        c.expect_open()


def test_hints_leave_at_once(serve):
    s = serve()
    with Client(s) as c:
        c.send(request("/hints?wait=1"))
        assert c.read_response(interim=True).status == 103
        (s.dir / "go").touch()
        assert c.read_response().body == b"final"


def test_http10_gets_none(server):
    r = fetch(server, "/hints", version="HTTP/1.0")
    assert (r.interim, r.body) == ([], b"final")


def test_hints_after_the_head_are_ignored(server):
    assert fetch(server, "/hints_late").body == b"begun done"


def test_hints_cannot_inject(server, under_licorne):
    r = fetch(server, "/hints_bad")
    assert not r.interim or not r.interim[0].all("X-Injected")
    if under_licorne:
        assert json.loads(fetch(server, "/counts").body)["hint_refused"] == 1
