"""From header fields to environ keys: joining, underscores, and whom to believe what."""

import json

import pytest
from support.rawhttp import Client, fetch


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


@pytest.fixture(scope="module")
def untrusting(serve_module):
    return serve_module("zoo:app", "--forwarded-allow-ips", "10.1.2.3")


def values(server, headers=(), target="/environ", **kw):
    r = fetch(server, target, headers=headers, **kw)
    assert r.status == 200, r
    return json.loads(r.body)["values"]


def test_names_are_upper_case_with_underscores_for_dashes(server):
    got = values(server, [("x-MiXed-Name", "v"), ("X!#$%&'*+.^`|~1", "odd")])
    assert got["HTTP_X_MIXED_NAME"] == "v"
    assert got["HTTP_X!#$%&'*+.^`|~1"] == "odd"


def test_repeated_fields_join_with_a_comma(server):
    got = values(server, [("X-A", "1"), ("X-B", "b"), ("x-a", "2"), ("X-A", "")])
    assert got["HTTP_X_A"] == "1,2,"
    got = values(server, [("Cookie", "a=1"), ("Cookie", "b=2")])
    assert got["HTTP_COOKIE"] == "a=1,b=2"


def test_values_are_stripped_and_latin1(server):
    got = values(server, [("X-A", " \t v w \t "), ("X-B", ""), ("X-C", "caf\xe9"), ("X-D", "a\tb")])
    assert got["HTTP_X_A"] == "v w"
    assert got["HTTP_X_B"] == ""
    assert got["HTTP_X_C"] == "caf\xe9"
    assert got["HTTP_X_D"] == "a\tb"


def test_hop_by_hop_fields_are_shown(server):
    got = values(
        server, [("Connection", "keep-alive, x-y"), ("TE", "trailers"), ("Keep-Alive", "5")]
    )
    assert got["HTTP_CONNECTION"] == "keep-alive, x-y"
    assert got["HTTP_TE"] == "trailers"
    assert got["HTTP_KEEP_ALIVE"] == "5"


def test_the_proxy_field_is_not_special(server):
    assert values(server, [("Proxy", "http://evil")])["HTTP_PROXY"] == "http://evil"


def test_twenty_headers_that_change_between_requests(server):
    with Client(server) as c:
        for round_ in range(5):
            sent = [(f"X-N{i}-{round_}", f"{round_}-{i}") for i in range(20)]
            got = json.loads(c.get("/environ", headers=sent).body)["values"]
            mine = {k: v for k, v in got.items() if k.startswith("HTTP_X_N")}
            assert mine == {f"HTTP_X_N{i}_{round_}": f"{round_}-{i}" for i in range(20)}


# ---- underscores


def test_underscored_names_are_dropped(server):
    got = values(server, [("X_Under", "1"), ("X-Dash", "2"), ("Content_Length", "5")])
    assert "HTTP_X_UNDER" not in got
    assert got["HTTP_X_DASH"] == "2"
    assert "CONTENT_LENGTH" not in got and "HTTP_CONTENT_LENGTH" not in got


def test_underscored_twin_cannot_replace_the_real_one(server):
    got = values(server, [("X-Real", "good"), ("X_Real", "evil")])
    assert got["HTTP_X_REAL"] == "good"


def test_header_map_refuse(serve):
    s = serve("zoo:app", "--header-map", "refuse")
    assert fetch(s, "/environ", headers=[("X_Under", "1")]).status == 400
    assert values(s, [("X-Dash", "1")])["HTTP_X_DASH"] == "1"


def test_header_map_dangerous(serve):
    s = serve("zoo:app", "--header-map", "dangerous")
    got = values(s, [("X_Under", "1"), ("X-Under", "2")])
    assert got["HTTP_X_UNDER"] == "1,2"


def test_forwarder_headers_from_a_trusted_peer(serve):
    s = serve("zoo:app", "--forwarder-headers", "REMOTE_USER,SCRIPT_NAME")
    got = values(s, [("Remote_User", "ann"), ("X_Other", "1")])
    assert got["HTTP_REMOTE_USER"] == "ann"
    assert "HTTP_X_OTHER" not in got


def test_forwarder_headers_star(serve):
    s = serve("zoo:app", "--forwarder-headers", "*")
    assert values(s, [("X_Other", "1")])["HTTP_X_OTHER"] == "1"


def test_forwarder_headers_from_others_are_dropped(serve):
    s = serve("zoo:app", "--forwarder-headers", "*", "--forwarded-allow-ips", "10.9.9.9")
    got = values(s, [("X_Other", "1"), ("SCRIPT_NAME", "/environ")])
    assert "HTTP_X_OTHER" not in got
    assert got["SCRIPT_NAME"] == "" and got["PATH_INFO"] == "/environ"


# ---- SCRIPT_NAME and PATH_INFO


def test_script_name_header_from_a_trusted_peer(server):
    got = values(server, [("SCRIPT_NAME", "/mount")], "/mount/environ")
    assert got["SCRIPT_NAME"] == "/mount"
    assert got["PATH_INFO"] == "/environ"
    assert got["RAW_URI"] == "/mount/environ"


def test_script_name_that_is_no_prefix_is_a_500(server):
    r = fetch(server, "/environ", headers=[("SCRIPT_NAME", "/other")])
    assert r.status == 500
    assert b"SCRIPT_NAME" in r.body


def test_script_name_from_the_process_environment(serve):
    s = serve(env={"SCRIPT_NAME": "/mnt"})
    got = values(s, target="/mnt/environ")
    assert (got["SCRIPT_NAME"], got["PATH_INFO"]) == ("/mnt", "/environ")
    got = values(s, [("SCRIPT_NAME", "/hdr")], "/hdr/environ")
    assert (got["SCRIPT_NAME"], got["PATH_INFO"]) == ("/hdr", "/environ")
    assert fetch(s, "/environ").status == 500


def test_path_info_header_changes_nothing(server):
    got = values(server, [("PATH_INFO", "/evil")])
    assert got["PATH_INFO"] == "/environ"


# ---- scheme


@pytest.mark.parametrize(
    "headers, scheme",
    [
        ([], "http"),
        ([("X-Forwarded-Proto", "https")], "https"),
        ([("X-Forwarded-Proto", "http")], "http"),
        ([("X-Forwarded-Protocol", "ssl")], "https"),
        ([("X-Forwarded-Ssl", "on")], "https"),
        ([("X-Forwarded-Ssl", "off")], "http"),
        ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Ssl", "on")], "https"),
        ([("X-Forwarded-Proto", "wss")], "http"),
    ],
)
def test_scheme_from_a_trusted_peer(server, headers, scheme):
    assert values(server, headers)["wsgi.url_scheme"] == scheme


def test_contradictory_schemes_are_refused(server):
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Ssl", "off")]
    assert fetch(server, "/environ", headers=headers).status == 400


def test_scheme_from_others_is_ignored(untrusting):
    got = values(untrusting, [("X-Forwarded-Proto", "https")])
    assert got["wsgi.url_scheme"] == "http"
    assert got["HTTP_X_FORWARDED_PROTO"] == "https"
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Ssl", "off")]
    assert fetch(untrusting, "/environ", headers=headers).status == 200


@pytest.mark.parametrize(
    "allowed, scheme",
    [
        ("*", "https"),
        ("127.0.0.0/8", "https"),
        ("10.0.0.0/8,127.0.0.1", "https"),
        ("10.0.0.0/8, 192.168.0.1", "http"),
        ("::1", "http"),
    ],
)
def test_trust_lists(serve, allowed, scheme):
    s = serve("zoo:app", "--forwarded-allow-ips", allowed)
    assert values(s, [("X-Forwarded-Proto", "https")])["wsgi.url_scheme"] == scheme


def test_trust_from_the_environment(serve):
    s = serve(env={"FORWARDED_ALLOW_IPS": "10.0.0.1"})
    assert values(s, [("X-Forwarded-Proto", "https")])["wsgi.url_scheme"] == "http"


def test_unix_peers_and_ipv6_loopback_are_trusted(serve):
    for bind in ("unix", "ipv6"):
        got = values(serve(bind=bind), [("X-Forwarded-Proto", "https")])
        assert got["wsgi.url_scheme"] == "https", bind


def test_secure_scheme_headers_setting(serve):
    s = serve(conf="secure_scheme_headers = {'X-SECURE': 'yes'}")
    assert values(s, [("X-Secure", "yes")])["wsgi.url_scheme"] == "https"
    assert values(s, [("X-Forwarded-Proto", "https")])["wsgi.url_scheme"] == "http"


def test_forwarded_for_never_changes_the_remote_address(server):
    got = values(server, [("X-Forwarded-For", "1.2.3.4"), ("X-Real-IP", "1.2.3.4")])
    assert got["REMOTE_ADDR"] == "127.0.0.1"
    assert got["HTTP_X_FORWARDED_FOR"] == "1.2.3.4"
