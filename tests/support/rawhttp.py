"""A client that speaks in bytes and reads strictly.

It sends exactly what a test says, in the pieces it says, and accepts from the server only what
RFC 9112 allows a server to send: CRLF line ends, digits where digits belong, one framing.  Whatever
else arrives is a ProtocolError, so a test cannot pass on a malformed answer by accident.
"""

import re
import select
import socket
import struct
from dataclasses import dataclass, field

from support.clock import deadline

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
STATUS_LINE = re.compile(r"(HTTP/1\.\d) (\d{3}) ([\t \x21-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rf"({TOKEN}):[ \t]*(.*?)[ \t]*", re.S)
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(;[\t \x21-\x7e\x80-\xff]*)?")


class ProtocolError(AssertionError):
    """The server sent what no server may send."""


class ConnectionEnded(ProtocolError):
    """The stream ended inside a response; `partial` is what had arrived of it."""

    def __init__(self, where, partial=b""):
        super().__init__(f"connection ended in {where} after {partial[:200]!r}")
        self.partial = partial


@dataclass
class Response:
    version: str
    status: int
    reason: str
    headers: list  # of (name as sent, value), in order
    head: bytes = b""  # the head as it came
    body: bytes = b""
    framing: str = "none"  # none, length, chunked, close
    chunks: list = field(default_factory=list)
    trailers: list = field(default_factory=list)
    raw_body: bytes = b""  # the body with its chunk framing
    interim: list = field(default_factory=list)  # the 1xx responses before this one

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name, default=None):
        """The one value of a header; an error if it came twice."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolError(f"{name} sent {len(values)} times: {values}")
        return values[0] if values else default

    def names(self):
        return [n for n, _ in self.headers]

    @property
    def text(self):
        return self.body.decode("utf-8")


def request(
    target="/", method="GET", *, headers=(), body=None, version="HTTP/1.1", host="test", chunks=None
):
    """The bytes of a request; Content-Length is added for `body`, chunk framing for `chunks`."""
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    items = headers.items() if isinstance(headers, dict) else headers
    lines += [f"{name}: {value}" for name, value in items]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if chunks is not None:
        lines.append("Transfer-Encoding: chunked")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if chunks is not None:
        return head + b"".join(chunk(c) for c in chunks if c) + b"0\r\n\r\n"
    return head + (body or b"")


def chunk(data, ext=""):
    return b"%x%s\r\n%s\r\n" % (len(data), ext.encode(), data)


class Client:
    """One connection.  `address` is (host, port), a socket path, or a Server."""

    def __init__(self, address, timeout=10.0, rcvbuf=None, source=None):
        address = getattr(address, "address", address)
        unix = isinstance(address, str)
        family = (
            socket.AF_UNIX if unix else (socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        )
        self.sock = socket.socket(family)
        self.sock.settimeout(deadline(timeout))
        if rcvbuf is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source is not None:
            self.sock.bind(source)
        try:
            self.sock.connect(address)
            if not unix:
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.sock.close()
            raise
        self.buffer = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # ---- sending

    def send(self, *pieces):
        """Sends each piece as a segment of its own."""
        for piece in pieces:
            self.sock.sendall(piece)
        return self

    def send_split(self, data, *points):
        """Sends data cut at the given offsets."""
        edges = [0, *sorted(points), len(data)]
        return self.send(*(data[a:b] for a, b in zip(edges, edges[1:], strict=False) if a < b))

    def send_bytewise(self, data):
        for i in range(len(data)):
            self.sock.sendall(data[i : i + 1])
        return self

    def send_some(self, data):
        """Sends until the peer takes no more; returns how much went out."""
        self.sock.setblocking(False)
        sent = 0
        try:
            while sent < len(data):
                sent += self.sock.send(data[sent : sent + 262144])
        except BlockingIOError:
            pass
        finally:
            self.sock.settimeout(deadline(10))
        return sent

    def get(self, target="/", method="GET", **kw):
        """Sends one request and reads its response."""
        self.send(request(target, method, **kw))
        return self.read_response(method)

    # ---- ending

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Ends the connection with an RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    # ---- reading

    def fill(self):
        """Receives once; False at the end of the stream.  A reset is a ConnectionResetError."""
        if self.ended:
            return False
        data = self.sock.recv(262144)
        self.ended = not data
        self.buffer += data
        return bool(data)

    def take(self, n):
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read_exactly(self, n, where="body"):
        parts, have = [self.take(n)], 0
        have = len(parts[0])
        while have < n:
            if not self.fill():
                raise ConnectionEnded(where, b"".join(parts))
            parts.append(self.take(n - have))
            have += len(parts[-1])
        return b"".join(parts)

    def read_until(self, mark, where):
        scanned = 0
        while True:
            at = self.buffer.find(mark, max(0, scanned - len(mark)))
            if at >= 0:
                return self.take(at + len(mark))
            scanned = len(self.buffer)
            if not self.fill():
                raise ConnectionEnded(where, self.buffer)

    def read_all(self):
        """Everything up to the end of the stream."""
        parts = [self.take(len(self.buffer))]
        while self.fill():
            parts.append(self.take(len(self.buffer)))
        return b"".join(parts)

    def read_head(self):
        """One response head, as a Response without body."""
        head = self.read_until(b"\r\n\r\n", "head")
        lines = head[:-4].decode("latin-1").split("\r\n")
        found = STATUS_LINE.fullmatch(lines[0])
        if not found:
            raise ProtocolError(f"status line {lines[0]!r}")
        version, status, reason = found.groups()
        return Response(version, int(status), reason, parse_fields(lines[1:]), head)

    def read_response(self, method="GET", interim=False):
        """One final response, 1xx collected in `.interim` (or the next one, with interim=True)."""
        before = []
        while True:
            r = self.read_head()
            if r.status >= 200 or r.status == 101 or interim:
                break
            before.append(r)
        r.interim = before
        self._read_body(r, method)
        return r

    def read_responses(self, n, method="GET"):
        return [self.read_response(method) for _ in range(n)]

    def _read_body(self, r, method):
        encodings, lengths = r.all("Transfer-Encoding"), r.all("Content-Length")
        if encodings and lengths:
            raise ProtocolError("both Transfer-Encoding and Content-Length")
        if len(lengths) > 1 or (lengths and not re.fullmatch(r"[0-9]+", lengths[0])):
            raise ProtocolError(f"Content-Length {lengths}")
        if encodings and (r.status < 200 or r.status == 204):
            raise ProtocolError(f"Transfer-Encoding in a {r.status}")
        if method == "HEAD" or r.status < 200 or r.status in (204, 304):
            return
        if encodings:
            if encodings != ["chunked"] or r.version == "HTTP/1.0":
                raise ProtocolError(f"Transfer-Encoding {encodings} in {r.version}")
            r.framing = "chunked"
            self._read_chunked(r)
        elif lengths:
            r.framing = "length"
            r.body = r.raw_body = self.read_exactly(int(lengths[0]))
        else:
            r.framing = "close"
            r.body = r.raw_body = self.read_all()

    def _read_chunked(self, r):
        raw, whole = [], b""
        try:
            while True:
                line = self.read_until(b"\r\n", "chunk size")
                found = CHUNK_LINE.fullmatch(line[:-2])
                if not found:
                    raise ProtocolError(f"chunk line {line!r}")
                size = int(found.group(1), 16)
                raw.append(line)
                if size == 0:
                    break
                data = self.read_exactly(size + 2, "chunk")
                raw.append(data)
                if data[-2:] != b"\r\n":
                    raise ProtocolError(f"chunk ends with {data[-2:]!r}")
                r.chunks.append(data[:-2])
            lines = []
            while (line := self.read_until(b"\r\n", "trailers")) != b"\r\n":
                raw.append(line)
                lines.append(line[:-2].decode("latin-1"))
            raw.append(line)
        except ConnectionEnded as e:
            e.partial = b"".join(r.chunks) + e.partial
            raise
        whole = b"".join(r.chunks)
        r.body, r.raw_body, r.trailers = whole, b"".join(raw), parse_fields(lines)

    # ---- expecting

    def expect_close(self):
        """Asserts that the server ends the stream now, with nothing more to say."""
        assert not self.buffer, f"unexpected {self.buffer[:300]!r}"
        try:
            while self.fill():
                raise ProtocolError(f"unexpected {self.buffer[:300]!r}")
        except ConnectionResetError:
            raise ProtocolError("reset where an orderly end was due") from None
        except TimeoutError:
            raise AssertionError("the server did not close the connection") from None

    def expect_gone(self):
        """Like expect_close, but a reset or remaining bytes will do: the connection must end."""
        try:
            return self.read_all()
        except ConnectionResetError:
            return b""
        except TimeoutError:
            raise AssertionError("the server did not close the connection") from None

    def expect_open(self):
        """Asserts that the connection still serves requests."""
        r = self.get("/ping")
        assert r.status == 200, r

    def is_quiet(self, seconds=0.2):
        """True if nothing (not even an end) arrives for a while."""
        if self.buffer:
            return False
        return not select.select([self.sock], [], [], seconds)[0]


def parse_fields(lines):
    fields = []
    for line in lines:
        found = FIELD_LINE.fullmatch(line)
        if not found or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", found.group(2)):
            raise ProtocolError(f"field line {line!r}")
        fields.append((found.group(1), found.group(2)))
    return fields


def fetch(server, target="/", method="GET", **kw):
    """One request over a connection of its own."""
    with Client(server) as c:
        return c.get(target, method, **kw)
