"""The environ, key by key: names, types and values a Gunicorn application relies on."""

import json

import pytest
from support.rawhttp import Client, fetch, request

BASE_KEYS = {
    "wsgi.errors",
    "wsgi.version",
    "wsgi.multithread",
    "wsgi.multiprocess",
    "wsgi.run_once",
    "wsgi.file_wrapper",
    "wsgi.input",
    "wsgi.input_terminated",
    "wsgi.url_scheme",
    "wsgi.early_hints",
    "SERVER_SOFTWARE",
    "gunicorn.socket",
    "REQUEST_METHOD",
    "QUERY_STRING",
    "RAW_URI",
    "SERVER_PROTOCOL",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "SERVER_NAME",
    "SERVER_PORT",
    "PATH_INFO",
    "SCRIPT_NAME",
}


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


def environ(server, target="/environ", method="GET", **kw):
    r = fetch(server, target, method, **kw)
    assert r.status == 200, r
    return json.loads(r.body)


def values(server, *args, **kw):
    return environ(server, *args, **kw)["values"]


@pytest.mark.asan_ci
def test_exact_keys_of_a_plain_request(server):
    got = environ(server)
    keys = {k for k in got["values"] if not k.startswith("licorne.")}
    assert keys == BASE_KEYS | {"HTTP_HOST"}
    assert got["type"] == "dict"


def test_types(server):
    types = environ(server, headers={"Content-Type": "a/b"}, body=b"x", method="POST")["types"]
    for key in BASE_KEYS | {"HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH"}:
        expected = {
            "wsgi.version": "tuple",
            "wsgi.multithread": "bool",
            "wsgi.multiprocess": "bool",
            "wsgi.run_once": "bool",
            "wsgi.input_terminated": "bool",
            "wsgi.file_wrapper": "type",
        }
        if key.startswith("wsgi.") and key not in expected and key != "wsgi.url_scheme":
            continue
        if key == "gunicorn.socket":
            continue
        assert types[key] == expected.get(key, "str"), key


def test_constant_values(server, under_licorne):
    got = values(server)
    assert got["wsgi.version"] == "(1, 0)"
    assert got["wsgi.url_scheme"] == "http"
    assert got["wsgi.run_once"] is False
    assert got["wsgi.input_terminated"] is True
    assert got["wsgi.multiprocess"] is False
    assert got["wsgi.multithread"] is (not under_licorne)  # sync here, gthread there
    assert got["SERVER_SOFTWARE"].startswith("gunicorn/")
    if under_licorne:
        assert " licorne/" in got["SERVER_SOFTWARE"]


def test_multiprocess_follows_the_number_of_workers(serve):
    assert values(serve(workers=2))["wsgi.multiprocess"] is True


def test_request_line(server):
    with Client(server) as c:
        c.send(request("/environ/a%20b/%C3%A9?q=%20x&y=a+b%2F#frag", "PATCH"))
        got = json.loads(c.read_response().body)["values"]
    assert got["REQUEST_METHOD"] == "PATCH"
    assert got["PATH_INFO"] == "/environ/a b/\xc3\xa9"
    assert got["QUERY_STRING"] == "q=%20x&y=a+b%2F"
    assert got["RAW_URI"] == "/environ/a%20b/%C3%A9?q=%20x&y=a+b%2F#frag"
    assert got["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert got["SCRIPT_NAME"] == ""


@pytest.mark.parametrize(
    "target, path, query",
    [
        ("/environ", "/environ", ""),
        ("/environ?", "/environ", ""),
        ("/environ??a", "/environ", "?a"),
        ("/environ?a?b", "/environ", "a?b"),
        ("/environ/%2F%2f", "/environ///", ""),
        ("/environ/%25%32%35", "/environ/%25", ""),
        ("/environ/%ff%80", "/environ/\xff\x80", ""),
        ("/environ/%zz%4", "/environ/%zz%4", ""),
        ("/environ/%", "/environ/%", ""),
        ("/environ/a+b", "/environ/a+b", ""),
        ("/environ/../x/./y", "/environ/../x/./y", ""),
        ("/environ//a//b", "/environ//a//b", ""),
        ("//environ", "//environ", ""),
        ("/environ;p=1", None, ""),
        ("/environ/a;p=1?q", "/environ/a;p=1", "q"),
        ("/environ#f?x", "/environ", ""),
        ("/environ?x#f", "/environ", "x"),
        ("http://other:81/environ?x", "/environ", "x"),
        ("/environ/%0d%0a", "/environ/\r\n", ""),
        ("/environ/%00", "/environ/\0", ""),
    ],
)
def test_target(server, target, path, query):
    r = fetch(server, target)
    if path is None:
        assert r.status == 404
        return
    got = json.loads(r.body)["values"]
    assert (got["PATH_INFO"], got["QUERY_STRING"], got["RAW_URI"]) == (path, query, target)


def test_absolute_form_keeps_the_host_header(server):
    got = values(server, "http://other:81/environ", host="mine")
    assert got["HTTP_HOST"] == "mine"
    assert got["SERVER_NAME"] == "127.0.0.1"


def test_asterisk_of_options_reaches_the_application(server):
    r = fetch(server, "*", "OPTIONS")
    assert r.status == 404 and r.body == b"no such view"


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"]
)
def test_method(server, method):
    assert values(server, method=method)["REQUEST_METHOD"] == method


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_protocol(server, version):
    assert values(server, version=version)["SERVER_PROTOCOL"] == version


def test_addresses_over_tcp(server):
    with Client(server) as c:
        got = json.loads(c.get("/environ").body)["values"]
        host, port = c.sock.getsockname()
    assert (got["REMOTE_ADDR"], got["REMOTE_PORT"]) == (host, str(port))
    assert (got["SERVER_NAME"], got["SERVER_PORT"]) == ("127.0.0.1", str(server.port))


def test_addresses_are_those_of_the_listener(serve):
    s = serve(start=False)
    s.addresses = [("0.0.0.0", s.port)]
    s.start()
    got = values(("127.0.0.1", s.port))
    assert (got["SERVER_NAME"], got["SERVER_PORT"]) == ("0.0.0.0", str(s.port))


def test_addresses_over_ipv6(serve):
    s = serve(bind="ipv6")
    with Client(s) as c:
        got = json.loads(c.get("/environ").body)["values"]
        port = c.sock.getsockname()[1]
    assert (got["REMOTE_ADDR"], got["REMOTE_PORT"]) == ("::1", str(port))
    assert (got["SERVER_NAME"], got["SERVER_PORT"]) == ("::1", str(s.port))


@pytest.mark.parametrize(
    "host, name, port",
    [("there", "there", "80"), ("there:81", "there", "81"), ("there:", "there", None)],
)
def test_addresses_over_a_unix_socket(unix_server, host, name, port):
    got = values(unix_server, host=host)
    assert got["SERVER_NAME"] == name
    assert port is None or got["SERVER_PORT"] == port
    assert got["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in got


@pytest.mark.licorne_only
def test_ipv6_literal_as_host_over_a_unix_socket(unix_server):
    """Split at the last colon outside the brackets (gunicorn takes the first: '[' and '')."""
    got = values(unix_server, host="[::1]:81")
    assert got["SERVER_NAME"].strip("[]") == "::1" and got["SERVER_PORT"] == "81"


def test_unix_socket_without_host(unix_server):
    got = values(unix_server, host=None)
    assert (got["SERVER_NAME"], got["SERVER_PORT"]) == (unix_server.address, "")


@pytest.fixture(scope="module")
def unix_server(serve_module):
    return serve_module(bind="unix")


def test_content_headers_only_when_sent(server):
    got = values(server, method="POST", headers={"Content-Type": "text/x; a=b"}, body=b"12345")
    assert got["CONTENT_TYPE"] == "text/x; a=b"
    assert got["CONTENT_LENGTH"] == "5"
    assert "HTTP_CONTENT_TYPE" not in got and "HTTP_CONTENT_LENGTH" not in got
    got = values(server, method="POST", chunks=[b"abc"])
    assert "CONTENT_LENGTH" not in got and "CONTENT_TYPE" not in got
    assert got["HTTP_TRANSFER_ENCODING"] == "chunked"


def test_each_request_has_a_fresh_dict(server):
    with Client(server) as c:
        first = json.loads(c.get("/fresh", headers={"X-A": "1"}).body)
        second = json.loads(c.get("/fresh").body)
        third = json.loads(c.get("/fresh").body)
        fourth = json.loads(c.get("/fresh", "POST").body)
        last = json.loads(c.get("/environ").body)["values"]
    assert first == {"spoiled": [], "same": False, "x": "1", "method": "GET"}
    assert second == third == {"spoiled": [], "same": False, "x": None, "method": "GET"}
    assert fourth["method"] == "POST" and not fourth["same"]
    assert last["wsgi.url_scheme"] == "http" and last["SERVER_NAME"] == "127.0.0.1"


@pytest.mark.licorne_only
def test_emptied_environ(server):
    """An application may throw its environ away; gunicorn looks into it afterwards and fails."""
    assert fetch(server, "/fresh", headers={"X-Clear": "1"}).status == 200


def test_nothing_of_the_process_environment_leaks_in(serve):
    got = values(serve(env={"MY_SECRET": "x", "REMOTE_USER": "root", "HTTPS": "on"}))
    assert not {"MY_SECRET", "REMOTE_USER", "HTTPS", "PATH", "HOME"} & set(got)


@pytest.mark.licorne_only
def test_licornes_own_keys(server):
    got = environ(server)
    assert "licorne.disconnected" in got["values"]
