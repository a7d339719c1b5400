"""The same hostile bytes through real proxies: the application sees what they forwarded, no more.

A smuggled request is one that only the server behind the proxy sees: its call carries no stamp of
the proxy's, or one that was there before.  Between the hostile clients honest ones ask for
something of their own, and must get their own answer.
"""

import collections
import concurrent.futures
import itertools

import pytest
from blackbox.http1 import hostile_run as run
from blackbox.http1.hostile_cases import CHUNKED, all_cases, get, post
from support.clock import wait_until
from support.proxies import Haproxy, Nginx
from support.rawhttp import Client, ProtocolError, fetch, request

SETUPS = {
    "nginx": lambda up: Nginx(up),
    "nginx-streaming": lambda up: Nginx(up, is_buffering=False),
    "haproxy": lambda up: Haproxy(up),
    "haproxy-lax": lambda up: Haproxy(up, is_lax=True),
}
CLIENTS = 8
LAST = get(b"Connection: close\r\n", b"GET /last HTTP/1.1")
TOKENS = itertools.count(1)

EVIL = get(b"X-Proxy-Id: evil\r\n", b"GET /evil HTTP/1.1")
STAMPED = {
    "stamp-of-client": EVIL,
    "stamp-twice": get(b"X-Proxy-Id: evil\r\nX-Proxy-Id: evil\r\n"),
    "stamp-underscore": get(b"X_Proxy_Id: evil\r\n"),
    "stamp-in-trailer": post(CHUNKED, b"5\r\nhello\r\n0\r\nX-Proxy-Id: evil\r\n\r\n"),
    "stamp-in-connection": get(b"Connection: X-Proxy-Id\r\n"),
    "cl-te": post(b"Content-Length: 6\r\n" + CHUNKED, b"0\r\n\r\nG") + EVIL,
    "te-cl": post(b"Content-Length: 4\r\n" + CHUNKED, b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVIL), EVIL)),
    "te-space": post(b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n" + EVIL),
    "te-underscore": post(b"Transfer_Encoding: chunked\r\n", b"0\r\n\r\n") + EVIL,
    "cl-underscore": post(b"Content_Length: %d\r\n" % len(EVIL)) + EVIL,
    "te-tab": post(b"Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n" + EVIL),
    "te-vertical-tab": post(
        b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n" + EVIL
    ),
    "te-in-connection": post(b"Connection: Transfer-Encoding\r\n" + CHUNKED, b"0\r\n\r\n") + EVIL,
    "cl-in-connection": post(
        b"Connection: Content-Length\r\nContent-Length: %d\r\n" % len(EVIL), EVIL
    ),
    "get-with-length": get(b"Content-Length: %d\r\n" % len(EVIL)) + EVIL,
    "head-with-length": get(b"Content-Length: %d\r\n" % len(EVIL), b"HEAD /t HTTP/1.1") + EVIL,
    "options-with-chunks": get(CHUNKED, b"OPTIONS /t HTTP/1.1") + b"0\r\n\r\n" + EVIL,
    "expect-then-request": post(
        b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(EVIL), EVIL
    ),
    "upgrade-then-request": get(b"Connection: Upgrade\r\nUpgrade: x\r\n") + EVIL,
    "h2c-then-request": get(
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    )
    + EVIL,
    "http10-keep-alive": get(b"Connection: keep-alive\r\n", b"GET /t HTTP/1.0") + EVIL,
    "http12": get(line=b"GET /t HTTP/1.2") + EVIL,
    "ext-lf": post(CHUNKED, b"2;\nxx\r\n%x\r\n0\r\n\r\n" % (len(EVIL) + 7))
    + EVIL
    + b"\r\n0\r\n\r\n",
    "ext-cr": post(CHUNKED, b"2;\rxx\r\n%x\r\n0\r\n\r\n" % (len(EVIL) + 7))
    + EVIL
    + b"\r\n0\r\n\r\n",
}


# The application waits for the rest of a streamed body: where it is called inline, so do all.
HOLDS_THE_WORKER = {"truncation-body-of-stream"}


def hostile_bytes():
    """group -> [(id, bytes)]"""
    groups = collections.defaultdict(list)
    for c in all_cases():
        if c.profile == "plain" and c.id not in HOLDS_THE_WORKER:
            groups[c.group].append((c.id, c.raw))
    groups["stamped"] = list(STAMPED.items())
    return groups


GROUPS = hostile_bytes()


@pytest.fixture(scope="module")
def behind(serve_module):
    s = run.start(serve_module, "plain")
    s.expect_errors = s.kind == "gunicorn"
    return s, run.Journal(s)


@pytest.fixture(scope="module", params=SETUPS)
def proxy(request, behind):
    server, _ = behind
    with SETUPS[request.param](server.address) as p:
        yield p


def attack(proxy, raw):
    """Sends hostile bytes, an honest end behind them, and reads whatever comes."""
    with Client(proxy, timeout=15) as c:
        run.send(c, [raw, LAST])
        c.expect_gone()


def honest(proxy):
    token = f"/honest?{next(TOKENS)}"
    try:
        r = fetch(proxy, token)
    except (ProtocolError, ConnectionResetError) as e:
        return f"{token}: {e}"
    # A connection the server ends just then costs a 502, which is no smuggling.
    if r.status == 502 or r.text == f"GET {token} 0":
        return None
    return f"{token} was answered {r.status} {r.body[:200]!r}"


def examine(proxy, calls):
    """What is wrong with these calls, given what the proxy says it forwarded."""
    stamps = [c["stamp"] for c in calls]
    wrong = [c for c in calls if not c["stamp"] or stamps.count(c["stamp"]) > 1]
    if wrong:
        return wrong

    def all_logged():
        return set(stamps) <= set(proxy.forwarded())

    try:
        wait_until(all_logged, 15, "the proxy's log")
    except AssertionError:
        return [c for c in calls if c["stamp"] not in proxy.forwarded()]
    log = proxy.forwarded()
    return [(c, log[c["stamp"]]) for c in calls if differs(c, log[c["stamp"]])]


def differs(call, logged):
    if call["method"] != logged.method:
        return True
    # The absolute form need not arrive as the client wrote it.
    is_origin = logged.target is not None and logged.target.startswith("/")
    return is_origin and call["uri"] != logged.target


@pytest.mark.parametrize("group", GROUPS)
def test_calls_are_what_was_forwarded(behind, proxy, group):
    server, journal = behind
    journal.read()
    known = set(proxy.forwarded())
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        attacks = [pool.submit(attack, proxy, raw) for _, raw in GROUPS[group]]
        strangers = [pool.submit(honest, proxy) for _ in range(len(attacks))]
        for future in attacks:
            future.result()
        confused = [said for future in strangers if (said := future.result())]
    confused += [said for _ in range(CLIENTS) if (said := honest(proxy))]
    assert not confused, "answers went astray"
    calls = [r for r in journal.read() if r["at"] == "enter"]
    assert not examine(proxy, calls), f"smuggled by one of {[i for i, _ in GROUPS[group]]}"
    called = {c["stamp"] for c in calls}
    served = {
        s
        for s, f in proxy.forwarded().items()
        if s not in known and f.status == 200 and f.is_answered
    }
    assert served <= called, "answered 200 without a call"


def test_attacks_reach_the_server(behind, proxy):
    """The proxies pass enough on for the tests above to mean something."""
    _, journal = behind
    journal.read()
    for _, raw in GROUPS["stamped"]:
        attack(proxy, raw)
    assert honest(proxy) is None
    calls = [r for r in journal.read() if r["at"] == "enter"]
    assert len(calls) > len(GROUPS["stamped"]) / 2
    assert "evil" not in {c["stamp"] for c in calls}


def test_stamp_is_the_proxys_own(behind, proxy):
    _, journal = behind
    journal.read()
    with Client(proxy) as c:
        c.send(request("/own", headers={"X-Proxy-Id": "evil"}))
        assert c.read_response().status == 200
    (call,) = [r for r in journal.read() if r["at"] == "enter"]
    wait_until(lambda: call["stamp"] in proxy.forwarded(), 10, "the proxy's log")
