"""Valid requests, changed at random: never more answers than a slow model reads requests.

The seed is fixed; LICORNE_TEST_DURATION makes it longer, with the same beginning.
"""

import random

import pytest
from blackbox.http1 import hostile_run as run
from blackbox.http1.hostile_model import CUT, REFUSED, SERVED, Unsure, judge
from support.clock import duration
from support.rawhttp import Client, ConnectionEnded

SEED = 9112
ROUNDS = 1500

BASES = [
    b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5\r\nhello\r\n6;x="y"\r\n world\r\n0\r\nX-T: v\r\n\r\n',
    b"GET /k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"PUT /g HTTP/1.1\r\nHost: h\r\nContent-Type: a/b\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n",
    b"DELETE /d HTTP/1.1\r\nhost:h\r\nConnection: close\r\n\r\n",
    b"POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    b"OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
]
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b'"',
    b"0",
    b"1",
    b"f",
    b"-",
    b"+",
    b"x",
    b"_",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"chunked",
    b"identity",
    b"gzip",
    b"\r\n ",
    b"Content-Length: 5\r\n",
    b"Content-Length:",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: x\r\n",
    b"transfer-encoding:",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"0\r\n\r\n",
    b"Connection: close\r\n",
    b"Expect: x\r\n",
    b"00000000",
    b"=",
    b"a=b",
]


def mutant(rng):
    """One to four requests in one stream, with one to four changes."""
    stream = bytearray(b"".join(rng.choice(BASES) for _ in range(rng.randint(1, 4))))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        rng.choice(CHANGES)(rng, stream)
    return bytes(stream)


def insert(rng, stream):
    at = rng.randrange(len(stream) + 1)
    stream[at:at] = rng.choice(PIECES)


def insert_at_line_end(rng, stream):
    ends = [i for i in range(len(stream)) if stream[i] in b"\r\n"]
    if ends:
        at = rng.choice(ends)
        stream[at:at] = rng.choice(PIECES)


def replace_byte(rng, stream):
    if stream:
        stream[rng.randrange(len(stream))] = rng.randrange(256)


def flip_bit(rng, stream):
    if stream:
        stream[rng.randrange(len(stream))] ^= 1 << rng.randrange(8)


def delete(rng, stream):
    at = rng.randrange(len(stream) + 1)
    del stream[at : at + rng.choice((1, 1, 1, 2, 3, 8))]


def double(rng, stream):
    at = rng.randrange(len(stream) + 1)
    stream[at:at] = stream[at : at + rng.randint(1, 30)]


def double_line(rng, stream):
    lines = bytes(stream).splitlines(keepends=True)
    if lines:
        at = rng.randrange(len(lines))
        lines.insert(at, lines[at])
        stream[:] = b"".join(lines)


CHANGES = [insert, insert_at_line_end, replace_byte, flip_bit, delete, double, double_line]


@pytest.fixture(scope="module")
def behind(serve_module):
    s = run.start(serve_module, "plain")
    return s, run.Journal(s)


def answers_to(server, stream, expected, rng):
    """The statuses of the answers to a stream that ends, sent in random pieces."""
    cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.choice((0, 0, 1, 3))))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    statuses = []
    with Client(server, timeout=10) as c:
        if run.send(c, [p for p in pieces if p]):
            run.half_close(c)
        try:
            while True:
                n = len(statuses)
                method = expected.requests[n].method.decode() if n < len(expected.requests) else ""
                statuses.append(c.read_response(method).status)
        except ConnectionEnded as e:
            assert e.partial == b"", f"cut answer {e.partial!r}"
        except ConnectionResetError:
            pass
    return statuses


def fails(statuses, calls, expected):
    """What is wrong with the answers and calls, or None."""
    served = [(r.method.decode(), r.target.decode(), r.body) for r in expected.requests]
    if calls != served[: len(calls)] or len(calls) != len(served):
        return f"calls {calls}, expected {served}"
    if [s for s in statuses if s < 400] != [200] * len(served):
        return f"answers {statuses}, expected {len(served)} times 200"
    refusals = [s for s in statuses if s >= 400]
    allowed = {SERVED: (0,), REFUSED: (1,), CUT: (0, 1)}[expected.end]
    if len(refusals) not in allowed or (refusals and statuses[-1] < 400):
        return f"answers {statuses}, expected the end {expected.end}"
    return None


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_mutants(behind):
    server, journal = behind
    rng = random.Random(SEED)
    seen = {SERVED: 0, REFUSED: 0, CUT: 0, "unsure": 0}
    bad = []
    for _ in range(duration(ROUNDS)):
        stream = mutant(rng)
        try:
            expected = judge(stream)
        except Unsure:
            seen["unsure"] += 1
            continue
        if server.kind == "gunicorn" and expected.end == CUT:
            continue  # it calls the application with what came of the body
        seen[expected.end] += 1
        statuses = answers_to(server, stream, expected, rng)
        calls = [
            (c["method"], c["uri"], c.get("body", "").encode("latin-1")) for c in journal.calls()
        ]
        wrong = fails(statuses, calls, expected)
        if wrong:
            bad.append(f"{stream!r}\n    {wrong}")
    assert not bad, f"{len(bad)} of {seen}:\n" + "\n".join(bad[:10])
    assert min(seen[SERVED], seen[REFUSED]) > 50, seen
