"""wsgiref.validate between server and application: every promise of PEP 3333, kept in detail."""

import pytest
from support.rawhttp import Client, request

pytestmark = pytest.mark.asan_ci

TARGETS = [
    ("/list", "GET"),
    ("/generator", "GET"),
    ("/write", "GET"),
    ("/empty", "GET"),
    ("/head", "HEAD"),
    ("/list", "HEAD"),
    ("/echo", "POST"),
    ("/lines", "POST"),
    ("/iterate", "PUT"),
    ("/nobody", "DELETE"),
    ("/replace", "GET"),
    ("/list", "OPTIONS"),
    ("/list?a=b&c", "GET"),
    ("/a%20b//c/%C3%A9", "GET"),
    ("/", "PATCH"),
    ("/errors", "GET"),
    ("/header%5Fjoin", "GET"),
]


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module("validated:app")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("target, method", TARGETS)
def test_requests(server, target, method, version):
    body = b"line one\nline two\n" if method in ("POST", "PUT", "PATCH") else None
    headers = [("X-A", "1"), ("X-A", "2"), ("Accept", "*/*")]
    with Client(server) as c:
        for _ in range(2):
            c.send(request(target, method, body=body, version=version, headers=headers))
            r = c.read_response(method)
            assert r.status in (200, 204, 503), r
            if r.header("Connection") == "close":
                break
            if version == "HTTP/1.1" and body:
                c.send(request(target, method, chunks=[body], headers=headers))
                assert c.read_response(method).status == 200
    server.check_log()


def test_over_a_unix_socket(serve):
    s = serve("validated:app", bind="unix")
    with Client(s) as c:
        assert c.get("/list").status == 200
