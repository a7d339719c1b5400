"""A slow reading of RFC 9112 and of the rules in the tables, to judge mutated requests by.

`judge(stream)` says what a server has to make of a stream of bytes that ends: the requests in it,
and whether the stream then is at its end, is refused, or ended in the middle of a request.  Written
for obviousness and apart from any server: whole lines, regular expressions, one pass.
"""

import re
from dataclasses import dataclass, field

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
METHOD = re.compile(rb"[!$%&'*+\-.^_`|~0-9A-Z]{3,20}")
TARGET = re.compile(rb"[\x21-\x7e]+")
ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://.*")
AUTHORITY = re.compile(rb"[^/?#@]+:[0-9]+")
VERSION = re.compile(rb"HTTP/1\.[0-9]")
FIELD = re.compile(rb"(" + TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*)")
BLANK = rb"[ \t]*"
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
EXTENSIONS = (
    rb"(?:"
    + BLANK
    + rb";"
    + BLANK
    + TOKEN
    + rb"(?:"
    + BLANK
    + rb"="
    + BLANK
    + rb"(?:"
    + TOKEN
    + rb"|"
    + QUOTED
    + rb"))?)*"
)
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)" + EXTENSIONS)
SINGLE = {b"host", b"content-type", b"content-length"}
FORBIDDEN = {b"host", b"content-length", b"transfer-encoding", b"trailer", b"authorization", b"te"}
RAW_CODINGS = {b"gzip", b"deflate", b"compress"}
LENGTH_MAX = 2**63 - 1
STREAMED_MIN = 16 << 20  # above it a body is read by the application while it comes

SERVED, REFUSED, CUT = "served", "refused", "cut"


class Refuse(Exception):
    """No server may accept this."""


class Unsure(Exception):
    """The rules leave it open: the stream is no good for judging."""


class Cut(Exception):
    """The stream ended inside a request."""


@dataclass
class Request:
    method: bytes
    target: bytes
    version: bytes
    body: bytes = b""
    is_last: bool = False


@dataclass
class Judgement:
    requests: list = field(default_factory=list)
    end: str = SERVED


def judge(stream):
    found = Judgement()
    while stream:
        try:
            request, stream = read_request(stream)
        except Refuse:
            # A head that never ends may be judged early, or never.
            found.end = REFUSED if b"\r\n\r\n" in stream else CUT
            return found
        except Cut:
            found.end = CUT
            return found
        found.requests.append(request)
        if request.is_last:
            return found
    return found


def read_line(stream):
    """The next line without its CRLF.  LF ends nothing and may stand nowhere."""
    line, lf, rest = stream.partition(b"\n")
    if not lf:
        raise Cut
    if not line.endswith(b"\r"):
        raise Refuse
    return line[:-1], rest


def read_request(stream):
    if stream.startswith(b"\r\n"):
        stream = stream[2:]
        if not stream:
            raise Cut
    line, stream = read_line(stream)
    request = read_request_line(line)
    fields, stream = read_fields(stream)
    decide_expect(fields, request)
    is_chunked, length = framing(fields, request)
    request.is_last |= wants_close(fields, request)
    if is_chunked:
        request.body, stream = read_chunks(stream)
    else:
        if len(stream) < length:
            raise Unsure if length > STREAMED_MIN else Cut
        request.body, stream = stream[:length], stream[length:]
    return request, stream


def read_request_line(line):
    parts = line.split(b" ", 2)
    if len(parts) != 3:
        raise Refuse
    method, target, version = parts
    if not METHOD.fullmatch(method) or not TARGET.fullmatch(target):
        raise Refuse
    if not VERSION.fullmatch(version):
        raise Refuse
    check_target(method, target)
    return Request(method, target, version, is_last=method == b"CONNECT")


def check_target(method, target):
    if method == b"CONNECT":
        if AUTHORITY.fullmatch(target):
            return
        raise Unsure  # which hosts and ports are any is a matter of taste
    if target.startswith(b"/"):
        return
    if target == b"*" and method == b"OPTIONS":
        return
    if b"://" in target:
        raise Unsure  # schemes, authorities: judged by the tables
    raise Refuse


def read_fields(stream, is_trailer=False):
    fields = []
    while True:
        line, stream = read_line(stream)
        if not line:
            return fields, stream
        match = FIELD.fullmatch(line)
        if not match or line[:1] in b" \t":
            raise Refuse
        name, value = match.group(1).lower(), match.group(2).strip(b" \t")
        if is_trailer and name in FORBIDDEN:
            raise Refuse
        if name in SINGLE and name in (n for n, _ in fields):
            raise Refuse
        fields.append((name, value))


def decide_expect(fields, request):
    for value in values(fields, b"expect"):
        if value.lower() != b"100-continue":
            raise Refuse


def values(fields, name):
    return [v for n, v in fields if n == name]


def framing(fields, request):
    """(is the body chunked, its length otherwise)"""
    lengths = values(fields, b"content-length")
    codings = [
        c.strip(b" \t").lower() for v in values(fields, b"transfer-encoding") for c in v.split(b",")
    ]
    if lengths and not re.fullmatch(rb"[0-9]+", lengths[0]):
        raise Refuse
    if lengths and int(lengths[0]) > LENGTH_MAX:
        raise Refuse
    if not codings:
        return False, int(lengths[0]) if lengths else 0
    if lengths or request.version == b"HTTP/1.0":
        raise Refuse
    if codings[-1] != b"chunked" or codings.count(b"chunked") != 1:
        raise Refuse
    if not set(codings[:-1]) <= RAW_CODINGS:
        if set(codings[:-1]) <= RAW_CODINGS | {b"identity"}:
            raise Unsure
        raise Refuse
    request.is_last |= len(codings) > 1
    return True, None


def wants_close(fields, request):
    options = {
        o.strip(b" \t").lower() for v in values(fields, b"connection") for o in v.split(b",")
    }
    known = {b"close", b"keep-alive"} & options
    if len(known) == 2 or (known and len(options) > 1):
        raise Unsure
    if request.version == b"HTTP/1.0":
        return b"keep-alive" not in options
    return b"close" in options


def read_chunks(stream):
    body = b""
    while True:
        line, stream = read_line(stream)
        match = CHUNK_LINE.fullmatch(line)
        if not match:
            raise Refuse
        digits = match.group(1)
        if len(digits) > 16:
            raise Unsure  # a server may stop counting zeros
        size = int(digits, 16)
        if size > LENGTH_MAX:
            raise Refuse
        if size == 0:
            _, stream = read_fields(stream, is_trailer=True)
            return body, stream
        body += stream[:size]
        end = stream[size : size + 2]
        if not b"\r\n".startswith(end):
            raise Refuse
        if len(end) < 2:
            raise Cut
        stream = stream[size + 2 :]
