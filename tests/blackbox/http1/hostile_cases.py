"""Hostile and odd requests as data: what goes in, what must come out, what must not run.

A case is the bytes, the statuses of the answers, the calls the application must have seen (none,
for what is refused) and whether the connection ends.  Where the specification leaves freedom a
case carries several verdicts; anything else is a failure.  `gunicorn` holds the verdict of Gunicorn
27.0.1 where licorne differs on purpose (SKIP where its outcome depends on timing), and `why` says
why: the same table then measures both servers.

The tables are in the hostile_*_cases modules beside this one; all_cases() collects them.
"""

from dataclasses import dataclass, replace

SKIP = ()  # as `gunicorn`: this server has no stable verdict here


@dataclass(frozen=True)
class Verdict:
    answers: tuple  # the status of each final response, in order
    calls: tuple = ()  # (method, raw target, body) of each call of the application
    close: bool = True


@dataclass(frozen=True)
class Case:
    id: str
    group: str
    raw: bytes
    verdicts: tuple
    message: str | None = None  # in the error body and in the log, as Gunicorn words it
    profile: str = "plain"  # with which settings the server runs: PROFILES
    eof: bool = False  # the client ends its side after the bytes
    version: str = "HTTP/1.1"  # of the last answer
    path: str | None = None  # PATH_INFO of the last call
    gunicorn: tuple | None = None
    why: str = ""

    def verdicts_for(self, kind):
        if kind == "gunicorn" and self.gunicorn is not None:
            return self.gunicorn
        return self.verdicts

    def followed_by(self, raw, call):
        """The case with one good request behind it: served only if the connection goes on."""
        return replace(
            self,
            raw=self.raw + raw,
            version=self.version_after(),
            path=None,
            verdicts=tuple(_then(v, call) for v in self.verdicts),
            gunicorn=self.gunicorn and tuple(_then(v, call) for v in self.gunicorn),
        )

    def preceded_by(self, raw, call):
        return replace(
            self,
            raw=raw + self.raw,
            verdicts=tuple(_after(v, call) for v in self.verdicts),
            gunicorn=self.gunicorn and tuple(_after(v, call) for v in self.gunicorn),
        )

    def version_after(self):
        return "HTTP/1.1" if not self.verdicts[0].close else self.version


def _then(verdict, call):
    if verdict.close:
        return verdict
    return replace(verdict, answers=(*verdict.answers, 200), calls=(*verdict.calls, call))


def _after(verdict, call):
    return replace(verdict, answers=(200, *verdict.answers), calls=(call, *verdict.calls))


PROFILES = {
    "plain": [],
    "strict_host": ["--strict-host"],
    "small_body": ["--limit-request-body", "10"],
    "refuse_map": ["--header-map", "refuse"],
}
LICORNE_PROFILES = {"strict_host", "small_body"}


# ---- the words the tables are written in


def refused(*statuses, calls=()):
    """Verdicts: this status (or one of these) and nothing more."""
    return tuple(Verdict((*[200] * len(calls), s), tuple(calls)) for s in statuses or (400,))


def served(*calls, close=False):
    return (Verdict((200,) * len(calls), tuple(calls), close),)


UNANSWERED = (Verdict(()),)


class Table:
    """Collects the cases of one group.""" ""

    def __init__(self, group):
        self.group, self.cases = group, []

    def refuse(self, id, raw, message=None, *statuses, **kw):
        self.add(id, raw, refused(*statuses), message=message, **kw)

    def serve(self, id, raw, *calls, close=False, **kw):
        self.add(id, raw, served(*calls, close=close), **kw)

    def add(self, id, raw, verdicts, **kw):
        self.cases.append(Case(f"{self.group}-{id}", self.group, raw, verdicts, **kw))


def get(fields=b"", line=b"GET /t HTTP/1.1", host=b"Host: h\r\n"):
    """A request without body; `fields` are raw field lines, each with its own end."""
    return line + b"\r\n" + host + fields + b"\r\n"


def post(fields=b"", body=b"", line=b"POST /t HTTP/1.1"):
    return get(fields, line) + body


def length(value, body=b"hello", more=b""):
    return post(b"Content-Length: " + value + b"\r\n" + more, body)


CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunked(body, more=b""):
    return post(CHUNKED + more, body)


def coding(value, body=b"5\r\nhello\r\n0\r\n\r\n", more=b"", line=b"POST /t HTTP/1.1"):
    return post(b"Transfer-Encoding:" + value + b"\r\n" + more, body, line)


GET = ("GET", "/t", b"")
POST = ("POST", "/t", b"hello")
EMPTY_POST = ("POST", "/t", b"")
SMUGGLED = get(line=b"GET /smuggled HTTP/1.1")


def all_cases():
    """Every case of every table, ids unique."""
    from blackbox.http1 import (
        hostile_framing_cases,
        hostile_head_cases,
        hostile_limit_cases,
    )

    modules = (hostile_framing_cases, hostile_head_cases, hostile_limit_cases)
    cases = [c for m in modules for table in m.TABLES for c in table.cases]
    ids = [c.id for c in cases]
    assert len(set(ids)) == len(ids), sorted({i for i in ids if ids.count(i) > 1})
    return cases
