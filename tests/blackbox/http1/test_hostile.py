"""Every hostile request of the tables: its status, and proof that the application was not called.

Each case goes out whole, byte by byte, cut at every line end, behind a good request, and with a
good request behind it.  The verdict may not depend on it.
"""

import collections

import pytest
from blackbox.http1 import hostile_run as run
from blackbox.http1.hostile_cases import SKIP, all_cases, get
from support.clock import wait_until

CASES = all_cases()
HOW = ("whole", "bytes", "lines", "followed", "preceded")
BYTES_MAX = 400
LINES_MAX = 120


def applies(case, how):
    if how == "bytes":
        return 1 < len(case.raw) <= BYTES_MAX
    if how == "lines":  # a round trip between the pieces; a streamed body holds the one thread
        if case.id == "truncation-body-of-stream":
            return False
        return case.raw.count(b"\n") in range(1, LINES_MAX)
    return not (how == "followed" and case.eof)


def variant(case, how):
    if how == "followed":
        return case.followed_by(get(line=b"GET /after HTTP/1.1"), ("GET", "/after", b""))
    if how == "preceded":
        return case.preceded_by(get(line=b"GET /before HTTP/1.1"), ("GET", "/before", b""))
    return case


@pytest.fixture(scope="module")
def servers(serve_module):
    """profile -> (server, journal), started when first asked for."""
    started = {}

    def of(profile):
        if profile not in started:
            server = run.start(serve_module, profile)
            started[profile] = server and (server, run.Journal(server))
        if started[profile] is None:
            pytest.skip(f"licorne only: {profile}")
        return started[profile]

    yield of
    for server, journal in filter(None, started.values()):
        late = journal.calls()
        assert not late, f"calls after everything was over: {late}"
        assert "Traceback" not in server.log() or server.kind == "gunicorn"


PAIRS = [(c, how) for how in HOW for c in CASES if applies(c, how)]


@pytest.mark.asan_ci
@pytest.mark.parametrize("case, how", PAIRS, ids=[f"{c.id}-{how}" for c, how in PAIRS])
def test_verdict(servers, case, how):
    server, journal = servers(case.profile)
    case = variant(case, how)
    if case.verdicts_for(server.kind) is SKIP:
        pytest.skip(case.why)
    before = len(server.log_bytes())
    out = run.check(server, journal, case, how)
    if server.kind == "licorne" and how == "whole":
        assert not out.is_reset, "the answer may be lost to a reset"
    if case.message and how in ("whole", "preceded"):
        assert case.message in run.error_text(out.answers[-1])
        if how == "whole":
            check_logged(server, before, case.message)


def check_logged(server, before, message):
    def found():
        text = server.log_bytes()[before:].decode("latin-1")
        return any(
            "Invalid request from ip=127.0.0.1: " in line and message in line
            for line in text.splitlines()
        )

    wait_until(found, 5, f"log line with {message!r}")


def test_at_least_ten_cases_in_each_class():
    count = collections.Counter(c.group for c in CASES)
    assert all(n >= 10 for n in count.values()), count


def test_refused_cases_never_name_a_call_of_their_own():
    for c in CASES:
        for v in c.verdicts:
            if v.answers and v.answers[-1] >= 400:
                assert v.close and len(v.calls) == len(v.answers) - 1, c.id
