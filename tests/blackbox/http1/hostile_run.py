"""Sends a case to a server and says what came of it: answers, calls, the connection's end."""

import contextlib
import html
import json
import re
from dataclasses import dataclass, field

from blackbox.http1.hostile_cases import LICORNE_PROFILES, PROFILES
from support.rawhttp import Client, ConnectionEnded, request
from support.server import kind_under_test

PIECE_MAX = 4096  # bytes worth sending one by one, or cut at every line end


class Journal:
    """The calls of the application, as tests/apps/journal.py wrote them down."""

    def __init__(self, server):
        self.path = server.dir / "journal"
        self.entered = "done" if server.kind == "gunicorn" else "enter"
        self.offset = 0
        self.total = 0

    def read(self):
        """The records since the last look."""
        if not self.path.exists():
            return []
        with open(self.path, "rb") as f:
            f.seek(self.offset)
            data = f.read()
        data = data[: data.rfind(b"\n") + 1]
        self.offset += len(data)
        return [json.loads(line) for line in data.splitlines()]

    def calls(self):
        """The calls since the last look.

        Gunicorn calls the application before it looks at the body, so there a call counts when its
        body was whole; licorne has judged the body before, so there it counts when it begins.
        """
        records = self.read()
        done = [r for r in records if r["at"] == "done"]
        entered = [r for r in records if r["at"] == self.entered]
        self.total += len(entered)
        if len(entered) != len(done):
            return entered  # entered and never finished: the comparison must fail
        return done


@dataclass
class Outcome:
    answers: list = field(default_factory=list)
    is_closed: bool = False
    is_reset: bool = False

    def statuses(self):
        return tuple(r.status for r in self.answers)


def start(serve, profile, **kw):
    """A server of one profile for a whole module; None when the server under test has no such."""
    args = list(PROFILES[profile])
    is_gunicorn = kind_under_test() == "gunicorn"
    if is_gunicorn:
        if profile in LICORNE_PROFILES:
            return None
        args += ["--http-parser", "python"]
    # Gunicorn logs a traceback for a body that is cut short.
    return serve("journal:app", *args, expect_errors=is_gunicorn, **kw)


def pieces_of(case, how):
    raw = case.raw
    if how == "bytes":
        return [raw[i : i + 1] for i in range(len(raw))]
    if how == "lines":
        return [p for p in re.split(rb"(?<=\r)(?=\n)|(?<=\n)", raw) if p]
    return [raw]


def send(client, pieces, between=None):
    """Sends the pieces; a server that refused already may have stopped listening."""
    try:
        for piece in pieces:
            client.sock.sendall(piece)
            if between:
                between()
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def half_close(client):
    with contextlib.suppress(OSError):
        client.half_close()


def exchange(server, case, verdicts, how="whole"):
    """Sends the case and reads until nothing more is due."""
    out = Outcome()
    with Client(server, timeout=5) as c:
        if how == "lines" and server.kind == "licorne":
            # An answer on another connection: the server went round its loop after the piece.
            # (Gunicorn has a thread for each connection, so there it would prove nothing.)
            with Client(server) as other:
                other.get("/-/")
                send(c, pieces_of(case, how), lambda: other.get("/-/"))
        else:
            send(c, pieces_of(case, how))
        if case.eof:
            half_close(c)
        try:
            read_answers(c, out, verdicts)
        except ConnectionResetError:
            out.is_closed = out.is_reset = True
        except TimeoutError:
            so_far = f"{out.statuses()} and {c.buffer[:200]!r}"
            raise AssertionError(f"no end after {so_far}\n{short(case.raw)}") from None
    return out


def read_answers(client, out, verdicts):
    methods = [call[0] for call in max((v.calls for v in verdicts), key=len)]
    while True:
        n = len(out.answers)
        is_due = any(not v.close and v.answers == out.statuses() for v in verdicts)
        if is_due and out.answers[-1].header("Connection") != "close":
            client.send(request("/-/open"))
            assert client.read_response().body == b"pong", "an answer nobody asked for"
            return
        try:
            r = client.read_response(methods[n] if n < len(methods) else "GET")
        except ConnectionEnded as e:
            assert e.partial == b"", f"cut answer {e.partial[:200]!r}"
            out.is_closed = True
            return
        out.answers.append(r)


def check(server, journal, case, how="whole"):
    """Runs the case and asserts its verdict; returns the outcome."""
    verdicts = case.verdicts_for(server.kind)
    journal.calls()
    out = exchange(server, case, verdicts, how)
    calls = journal.calls()
    seen = (
        out.statuses(),
        tuple((c["method"], c["uri"], c.get("body", "").encode("latin-1")) for c in calls),
        out.is_closed,
    )
    allowed = [(v.answers, v.calls, v.close) for v in verdicts]
    assert seen in allowed, f"{short(case.raw)}\n seen    {seen}\n allowed {allowed}"
    check_refusal(out)
    if out.answers:
        expected = case.version if out.answers[-1].status == 200 else "HTTP/1.1"
        assert out.answers[-1].version == expected
    if case.path is not None and (server.kind == "licorne" or not case.why):
        assert calls[-1]["path"] == case.path, calls
    return out


def check_refusal(out):
    """A refusal is the last answer, says so, and is whole."""
    for r in out.answers:
        if r.status >= 400:
            assert r is out.answers[-1]
            assert r.header("Connection") == "close"
            assert r.framing == "length"


def error_text(response):
    return html.unescape(response.body.decode("latin-1"))


def short(raw):
    return repr(raw) if len(raw) <= 600 else f"{raw[:300]!r} ... {raw[-200:]!r} ({len(raw)} bytes)"
