"""The demonstration: one page that shows the request it got, and lets its reader try a server.

Plain WSGI, nothing but the standard library. Every form works without JavaScript; with it, answers
appear in the page as they arrive.
"""

import collections
import hashlib
import html
import json
import logging
import os
import pathlib
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
STARTED = time.time()
BLOCK = 65536
MAX_DOWNLOAD = 1 << 30

SHOWN = (
    ("REQUEST_METHOD", "method"),
    ("RAW_URI", "target, as sent"),
    ("PATH_INFO", "path, decoded"),
    ("QUERY_STRING", "query"),
    ("SERVER_PROTOCOL", "protocol"),
    ("REMOTE_ADDR", "client address"),
    ("REMOTE_PORT", "client port"),
    ("SERVER_NAME", "listener"),
    ("SERVER_PORT", "listener port"),
    ("SERVER_SOFTWARE", "server"),
    ("CONTENT_TYPE", "body type"),
    ("CONTENT_LENGTH", "body length"),
    ("wsgi.url_scheme", "scheme"),
    ("wsgi.multithread", "several threads"),
    ("wsgi.multiprocess", "several workers"),
    ("wsgi.input_terminated", "body end is certain"),
)


class LastLines(logging.Handler):
    """Keeps what this worker logged, so that the page can show what an error leaves behind."""

    def __init__(self):
        super().__init__()
        self.lines = collections.deque(maxlen=12)
        self.setFormatter(
            logging.Formatter(
                "%(asctime)s [%(process)d] [%(levelname)s] %(message)s", "[%Y-%m-%d %H:%M:%S %z]"
            )
        )

    def emit(self, record):
        self.lines.append((record.process, self.format(record)))


LOG = LastLines()
logging.getLogger("gunicorn.error").addHandler(LOG)


def app(environ, start_response):
    route = ROUTES.get(environ["PATH_INFO"])
    if route is None:
        return answer(start_response, "404 Not Found", "text/plain", "There is no such page.\n")
    method, view = route
    allowed = ("GET", "HEAD") if method == "GET" else (method,)
    if environ["REQUEST_METHOD"] not in allowed:
        body = f"This address takes {' and '.join(allowed)}.\n"
        headers = [("Allow", ", ".join(allowed))]
        return answer(start_response, "405 Method Not Allowed", "text/plain", body, headers)
    return view(environ, start_response)


def answer(start_response, status, kind, text, headers=()):
    body = text.encode()
    start_response(
        status,
        [
            ("Content-Type", kind + "; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            *headers,
        ],
    )
    return [body]


def answer_data(environ, start_response, data):
    """JSON for the page's script; a small page of its own for a plain form."""
    if "application/json" in environ.get("HTTP_ACCEPT", ""):
        return answer(start_response, "200 OK", "application/json", json.dumps(data))
    rows = "".join(row(name, value) for name, value in data.items())
    page = (HERE / "result.html").read_text().replace("{{rows}}", rows)
    return answer(start_response, "200 OK", "text/html", page)


def row(name, value, note=""):
    note = f"<small>{html.escape(note)}</small>" if note else ""
    return f"<tr><th>{html.escape(str(name))}{note}</th><td>{html.escape(str(value))}</td></tr>"


def home(environ, start_response):
    begun = time.perf_counter()
    facts = [row(key, environ[key], note) for key, note in SHOWN if environ.get(key, "") != ""]
    facts += [row(k, environ[k]) for k in sorted(environ) if k.startswith("licorne.")]
    headers = [
        row("-".join(part.title() for part in key[5:].split("_")), value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    values = {
        "facts": "".join(facts),
        "headers": "".join(headers),
        "count": len(headers),
        "pid": os.getpid(),
        "python": sys.version.split()[0],
        "software": html.escape(environ.get("SERVER_SOFTWARE", "unknown")),
        "protocol": html.escape(environ["SERVER_PROTOCOL"]),
        "uptime": span(time.time() - STARTED),
    }
    page = (HERE / "page.html").read_text()
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", str(value))
    page = page.replace("{{milliseconds}}", f"{(time.perf_counter() - begun) * 1e3:.2f}")
    return answer(start_response, "200 OK", "text/html", page)


def span(seconds):
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def upload(environ, start_response):
    begun = time.perf_counter()
    kind = environ.get("CONTENT_TYPE", "")
    length = environ.get("CONTENT_LENGTH")
    reads = Reads(environ["wsgi.input"], length)
    multipart = kind.startswith("multipart/form-data")
    digest, size = hashlib.sha256(), 0
    for block in file_part(reads, kind) if multipart else reads:
        digest.update(block)
        size += len(block)
    data = {
        "size": f"{size:,} bytes",
        "sha256": digest.hexdigest(),
        "arrived as": "multipart form" if multipart else "raw body",
        "framed by": framing(environ),
        "first read": f"{reads.first * 1e3:.2f} ms",
        "all read": f"{(time.perf_counter() - begun) * 1e3:.2f} ms, {reads.count} reads",
        "worker": os.getpid(),
    }
    return answer_data(environ, start_response, data)


def framing(environ):
    if "HTTP_TRANSFER_ENCODING" in environ:
        return "chunks"
    length = environ.get("CONTENT_LENGTH")
    return f"Content-Length {int(length):,}" if length else "nothing: no body"


class Reads:
    """The blocks of a body. Counts them and times the first."""

    def __init__(self, stream, length):
        self.stream = stream
        self.left = int(length) if length else None
        self.count = 0
        self.first = 0.0
        self.begun = time.perf_counter()

    def __iter__(self):
        while self.left != 0:
            block = self.stream.read(BLOCK if self.left is None else min(BLOCK, self.left))
            if not self.count:
                self.first = time.perf_counter() - self.begun
            self.count += 1
            if not block:
                return
            if self.left is not None:
                self.left -= len(block)
            yield block


def file_part(blocks, kind):
    """The first part of a multipart body, block by block; what follows it is read and dropped."""
    boundary = kind.partition("boundary=")[2].partition(";")[0].strip().strip('"')
    end = b"\r\n--" + boundary.encode("latin-1")
    held, in_head, done = b"", True, False
    for block in blocks:
        if done:
            continue
        held += block
        if in_head:
            head, found, rest = held.partition(b"\r\n\r\n")
            if not found:
                continue
            held, in_head = rest, False
        part, done, _ = held.partition(end)
        keep = 0 if done else len(end) - 1
        cut = max(0, len(part) - keep)
        yield part[:cut]
        held = part[cut:]


def stream(environ, start_response):
    start_response(
        "200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    )
    return lines()


def lines():
    begun = time.perf_counter()
    for number in range(1, 16):
        since = (time.perf_counter() - begun) * 1e3
        yield f"{number:2}/15  sent {since:4.0f} ms\n".encode()
        time.sleep(0.2)


def slow(environ, start_response):
    begun = time.perf_counter()
    time.sleep(2)
    data = {
        "application": f"{time.perf_counter() - begun:.3f} s",
        "worker": os.getpid(),
    }
    return answer_data(environ, start_response, data)


def file(environ, start_response):
    opened = open(HERE / "page.html", "rb")  # noqa: SIM115  the server closes it
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(os.fstat(opened.fileno()).st_size)),
        ],
    )
    wrap = environ.get("wsgi.file_wrapper")
    return wrap(opened, BLOCK) if wrap else iter(lambda: opened.read(BLOCK), b"")


def download(environ, start_response):
    query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""))
    word = query.get("size", ["1048576"])[0]
    if not (word.isascii() and word.isdigit()) or int(word) > MAX_DOWNLOAD:
        message = f"size is a number of bytes, at most {MAX_DOWNLOAD}.\n"
        return answer(start_response, "400 Bad Request", "text/plain", message)
    early_hints = environ.get("wsgi.early_hints")
    if early_hints and environ["SERVER_PROTOCOL"] != "HTTP/1.0":
        early_hints([("Link", "</>; rel=preconnect")])
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/octet-stream"),
            ("Content-Disposition", 'attachment; filename="licorne.bin"'),
            ("X-Early-Hints", "sent" if early_hints else "not offered by this server"),
        ],
    )
    return blocks_of(int(word))


def blocks_of(size):
    block = bytes(range(256)) * (BLOCK // 256)
    while size > 0:
        yield block[:size]
        size -= BLOCK


def error(environ, start_response):
    raise RuntimeError("the demonstration was asked to fail")


def log(environ, start_response):
    mine = [text for pid, text in LOG.lines if pid == os.getpid()]
    text = "\n".join(mine[-1:]) or "This worker has logged nothing yet."
    return answer(start_response, "200 OK", "text/plain", text + "\n")


def icon(environ, start_response):
    start_response("204 No Content", [("Cache-Control", "max-age=86400")])
    return []


ROUTES = {
    "/": ("GET", home),
    "/upload": ("POST", upload),
    "/stream": ("GET", stream),
    "/slow": ("GET", slow),
    "/file": ("GET", file),
    "/download": ("GET", download),
    "/error": ("GET", error),
    "/log": ("GET", log),
    "/favicon.ico": ("GET", icon),
}
