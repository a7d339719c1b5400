"""Hosts and targets, sizes over the limits, streams that end early, requests behind an error."""

from blackbox.http1.hostile_cases import (
    CHUNKED,
    EMPTY_POST,
    GET,
    POST,
    SKIP,
    SMUGGLED,
    UNANSWERED,
    Table,
    Verdict,
    chunked,
    coding,
    get,
    length,
    post,
    refused,
    served,
)

LINE = "Invalid HTTP request line: '%s'"
HOST = "Invalid HTTP Header: 'HOST'"


def line(text, fields=b""):
    return get(fields, text)


hosts = Table("host")
hosts.serve("missing", get(host=b""), GET)
hosts.serve(
    "missing-in-1.0", get(line=b"GET /t HTTP/1.0", host=b""), GET, close=True, version="HTTP/1.0"
)
hosts.serve("empty", get(host=b"Host:\r\n"), GET)
hosts.serve("port", get(host=b"Host: h:80\r\n"), GET)
hosts.serve("v6", get(host=b"Host: [::1]:80\r\n"), GET)
hosts.serve("lower-case", get(host=b"host: h\r\n"), GET)
hosts.serve("last", get(b"A: b\r\n", host=b"")[:-2] + b"Host: h\r\n\r\n", GET)
hosts.refuse("twice-same", get(b"Host: h\r\n"), HOST)
hosts.refuse("twice-different", get(b"Host: evil\r\n"), HOST)
hosts.refuse("twice-mixed-case", get(b"hOST: h\r\n"), HOST)
hosts.refuse("twice-apart", get(b"A: b\r\nC: d\r\nHost: h\r\n"), HOST)
hosts.refuse("twice-empty", get(b"Host:\r\n", host=b"Host:\r\n"), HOST)
hosts.refuse("twice-in-1.0", get(b"Host: h\r\n", line=b"GET /t HTTP/1.0"), HOST)
hosts.refuse("twice-absolute-form", get(b"Host: h\r\n", line=b"GET http://h/ HTTP/1.1"), HOST)
hosts.refuse("three", get(b"Host: h\r\nHost: h\r\n"), HOST)
hosts.refuse("space-before-colon", get(host=b"Host : h\r\n"), "Invalid HTTP header name: 'Host '")
hosts.refuse("folded", get(b" evil\r\n"), "Obsolete line folding is unacceptable: 'HOST'")
hosts.refuse("control", get(host=b"Host: h\x01\r\n"), HOST)
hosts.refuse("strict-missing", get(host=b""), profile="strict_host")
hosts.serve("strict-present", get(), GET, profile="strict_host")
hosts.serve(
    "strict-missing-in-1.0",
    get(line=b"GET /t HTTP/1.0", host=b""),
    GET,
    close=True,
    version="HTTP/1.0",
    profile="strict_host",
)
hosts.refuse(
    "strict-missing-absolute-form",
    get(line=b"GET http://h/t HTTP/1.1", host=b""),
    profile="strict_host",
)
hosts.refuse("strict-twice", get(b"Host: h\r\n"), HOST, profile="strict_host")

targets = Table("target")


def target(id, text, path, method="GET", **kw):
    targets.serve(
        id, line(f"{method} {text} HTTP/1.1".encode()), (method, text, b""), path=path, **kw
    )


target("origin", "/a/b?c=d", "/a/b")
target("root", "/", "/")
target("two-slashes", "//x", "//x")
target("two-slashes-host-like", "//evil.example/a?b", "//evil.example/a")
target("three-slashes", "///", "///")
target("dot-dot", "/../../etc/passwd", "/../../etc/passwd")
target("fragment", "/a#b", "/a")
target("fragment-before-query", "/a#b?c", "/a")
target("percent", "/%41%20b", "/A b")
target("percent-nul", "/%00", "/\0")
target("percent-crlf", "/%0d%0aX:%20y", "/\r\nX: y")
target("percent-slash", "/a%2fb", "/a/b")
target("percent-high", "/caf%C3%A9", "/caf\xc3\xa9")
target("percent-broken", "/%zz%4", "/%zz%4")
target("question-only", "/?", "/")
target("question-twice", "/a?b?c", "/a")
target("url-in-query", "/a?u=http://x/y", "/a")
target("colon-in-path", "/a:b@c", "/a:b@c")
target("absolute", "http://other.example/p?q", "/p")
target("absolute-upper-case", "HTTP://other.example/p", "/p")
target("absolute-port", "http://other.example:8080/p", "/p")
target("absolute-https", "https://other.example/p", "/p")
target("asterisk", "*", "*", "OPTIONS")
target("options-origin", "/a", "/a", "OPTIONS")
target(
    "connect",
    "example.com:443",
    "",
    "CONNECT",
    close=True,
    why="Gunicorn takes the host for a scheme, hence the port for a path",
)
for name, text in {
    "no-slash": "GET foo HTTP/1.1",
    "asterisk-get": "GET * HTTP/1.1",
    "asterisk-post": "POST * HTTP/1.1",
    "authority-get": "GET example.com:80 HTTP/1.1",
    "query-only": "GET ?a=b HTTP/1.1",
    "fragment-only": "GET #a HTTP/1.1",
    "dots": "GET ../a HTTP/1.1",
    "options-no-slash": "OPTIONS a HTTP/1.1",
    "asterisk-slash": "OPTIONS */ HTTP/1.1",
    "backslash": "GET \\a HTTP/1.1",
    "scheme-without-slashes": "GET http:/a HTTP/1.1",
    "colon": "GET : HTTP/1.1",
    "javascript": "GET javascript:alert(1) HTTP/1.1",
}.items():
    targets.refuse(name, line(text.encode()), None if "\\" in text else LINE % text)
targets.refuse("asterisk-connect", line(b"CONNECT * HTTP/1.1"))
targets.refuse("asterisk-connect-lower", line(b"OPTIONS ** HTTP/1.1"))
targets.refuse("broken-v6", line(b"GET http://[::1/a HTTP/1.1"))
targets.refuse("space", line(b"GET /a b HTTP/1.1"), "Invalid HTTP Version: 'b HTTP/1.1'")
targets.refuse("empty", line(b"GET  HTTP/1.1"), LINE % "GET  HTTP/1.1")
targets.refuse("non-ascii", line(b"GET /\xc3\xa9 HTTP/1.1"))
targets.add(
    "absolute-other-scheme",
    line(b"GET ftp://h/a HTTP/1.1"),
    refused(400),
    gunicorn=served(("GET", "ftp://h/a", b"")),
    why="no scheme this server speaks",
)
targets.add(
    "url-inside",
    line(b"GET a?b=c://d HTTP/1.1"),
    refused(400),
    gunicorn=served(("GET", "a?b=c://d", b"")),
    why="none of the four forms",
)
targets.add(
    "absolute-no-authority",
    line(b"GET http:// HTTP/1.1"),
    refused(400) + served(("GET", "http://", b"")),
)
targets.add(
    "connect-origin",
    line(b"CONNECT /a HTTP/1.1"),
    refused(400),
    gunicorn=served(("CONNECT", "/a", b""), close=True),
    why="RFC 9112 3.2.3: only authority-form",
)

limits = Table("oversize")


def long_line(n):
    return b"GET /" + b"a" * (n - len(b"GET / HTTP/1.1")) + b" HTTP/1.1"


def field(n):
    """A field line of n bytes, its end included."""
    return b"A: " + b"b" * (n - 5) + b"\r\n"


TOO_LONG = "Request Line is too large ("
FIELDS = "limit request headers fields"
limits.serve("line-4094", line(long_line(4094)), ("GET", long_line(4094).split()[1].decode(), b""))
for n in (4095, 4096, 5014, 8191, 70000):
    limits.refuse(f"line-{n}", line(long_line(n)), TOO_LONG, 414)
limits.refuse("line-after-crlf", b"\r\n" + line(long_line(4095)), TOO_LONG, 414)
limits.refuse("line-without-end", b"GET /" + b"a" * 5000, TOO_LONG, 414)
limits.refuse("line-long-method", line(b"A" * 5000 + b" /t HTTP/1.1"), TOO_LONG, 414)
limits.refuse("line-long-version", line(b"GET /t HTTP/1." + b"1" * 5000), TOO_LONG, 414)
limits.refuse("line-of-spaces", line(b"GET " + b" " * 5000 + b"/t HTTP/1.1"), TOO_LONG, 414)
limits.serve("fields-100", get(b"A: b\r\n" * 99), GET)
for n in (101, 102, 1000):
    limits.refuse(f"fields-{n}", get(b"A: b\r\n" * (n - 1)), FIELDS, 431)
limits.add(
    "fields-101-dropped",
    get(b"A_: b\r\n" * 100),
    refused(431),
    gunicorn=served(GET),
    why="names dropped for their underscore count, or they were no limit",
)
limits.serve("field-8190", get(field(8190)), GET)
for n in (8191, 8192, 9000, 66000):
    limits.refuse(f"field-{n}", get(field(n)), FIELDS + " size", 431)
limits.refuse("field-long-name", get(b"A" * 9000 + b": b\r\n"), FIELDS + " size", 431)
limits.refuse("field-of-blanks", get(b"A:" + b" " * 9000 + b"b\r\n"), FIELDS + " size", 431)
limits.refuse("field-without-end", b"GET /t HTTP/1.1\r\nA: " + b"b" * 830000, None, 431)
limits.refuse("field-second", get(b"A: b\r\n" + field(9000)), FIELDS + " size", 431)
limits.refuse("line-and-field", line(long_line(5000), field(9000)), TOO_LONG, 414)
limits.serve("head-largest", get(field(8190) * 99), GET)
limits.refuse("body-11", length(b"11", b"hello world"), None, 413, profile="small_body")
limits.refuse("body-huge", length(b"1000000000000", b""), None, 413, profile="small_body")
limits.refuse(
    "body-expect", length(b"11", b"", b"Expect: 100-continue\r\n"), None, 413, profile="small_body"
)
limits.refuse(
    "body-chunks",
    chunked(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
    None,
    413,
    profile="small_body",
)
limits.refuse(
    "body-chunk", chunked(b"b\r\nhello world\r\n0\r\n\r\n"), None, 413, profile="small_body"
)
limits.refuse(
    "body-chunk-unfinished", chunked(b"FFFFFF\r\nhello world"), None, 413, profile="small_body"
)
limits.serve(
    "body-10", length(b"10", b"hellohello"), ("POST", "/t", b"hellohello"), profile="small_body"
)
limits.serve(
    "body-10-chunks",
    chunked(b"5\r\nhello\r\n" * 2 + b"0\r\n\r\n"),
    ("POST", "/t", b"hellohello"),
    profile="small_body",
)

truncation = Table("truncation")
ENDS = UNANSWERED + refused(400)
BODY_WHY = "Gunicorn hands a shorter body than announced to the application"


def truncate(id, raw, **kw):
    truncation.add(id, raw, ENDS, eof=True, **kw)


for id, raw in {
    "in-method": b"GE",
    "after-method": b"GET ",
    "in-target": b"GET /a",
    "after-target": b"GET /a ",
    "in-version": b"GET /a HTTP/1",
    "after-version": b"GET /a HTTP/1.1",
    "after-line-cr": b"GET /a HTTP/1.1\r",
    "after-line": b"GET /a HTTP/1.1\r\n",
    "in-name": b"GET /a HTTP/1.1\r\nHo",
    "after-colon": b"GET /a HTTP/1.1\r\nHost:",
    "in-value": b"GET /a HTTP/1.1\r\nHost: h",
    "after-field-cr": b"GET /a HTTP/1.1\r\nHost: h\r",
    "after-field": b"GET /a HTTP/1.1\r\nHost: h\r\n",
    "before-last-lf": get()[:-1],
    "only-cr": b"\r",
    "only-crlf": b"\r\n",
}.items():
    truncate(id, raw)
truncate("nothing", b"")
for n in range(5):
    truncate(f"body-{n}-of-5", length(b"5", b"hello"[:n]), gunicorn=SKIP, why=BODY_WHY)
truncate("body-of-file", length(b"1000000", b"hello"), gunicorn=SKIP, why=BODY_WHY)
truncation.add(
    "body-of-stream",
    length(b"1000000000", b"hello"),
    ENDS + served(POST, close=True),
    eof=True,
    why="called before the body is there: it reads what came of it",
)
WHOLE = b"5\r\nhello\r\n0\r\n\r\n"
for n in range(len(WHOLE)):
    truncate(
        f"chunked-{n}",
        chunked(WHOLE[:n]),
        gunicorn=SKIP,
        why="refused with 400 or cut, by where it ended",
    )
truncate("in-extension", chunked(b"5;a"), gunicorn=SKIP)
truncate("in-trailer", chunked(b"5\r\nhello\r\n0\r\nX: y"), gunicorn=SKIP)
truncate("after-trailer", chunked(b"5\r\nhello\r\n0\r\nX: y\r\n"), gunicorn=SKIP)
truncation.add(
    "after-one",
    get() + b"GET /b HT",
    (Verdict((200,), (GET,)), Verdict((200, 400), (GET,))),
    eof=True,
)
truncation.serve("none", get(), GET, close=True, eof=True)
truncation.serve("none-with-body", length(b"5"), POST, close=True, eof=True)
truncation.serve("none-two", get() + length(b"5"), GET, POST, close=True, eof=True)

pipelining = Table("pipelining")
BAD = {
    "method": (line(b"get /t HTTP/1.1"), 400),
    "line": (line(b"GET"), 400),
    "version": (line(b"GET /t HTTP/3.0"), 400),
    "header": (get(b"A\r\n"), 400),
    "name": (get(b"A : b\r\n"), 400),
    "fold": (get(b" b\r\n"), 400),
    "host": (get(b"Host: x\r\n"), 400),
    "length": (length(b"x", b""), 400),
    "both": (coding(b" chunked", more=b"Content-Length: 5\r\n"), 400),
    "coding": (coding(b" cow"), 501),
    "expect": (get(b"Expect: x\r\n"), 417),
    "long-line": (line(long_line(5000)), 414),
    "fields": (get(b"A: b\r\n" * 101), 431),
    "chunk": (chunked(b"x\r\n"), 400),
    "chunk-end": (chunked(b"1\r\nhello"), 400),
    "trailer": (chunked(b"0\r\nHost: x\r\n\r\n"), 400),
    "bare-lf": (b"GET / HTTP/1.1\n\n", 400),
}
for id, (bad, status) in BAD.items():
    pipelining.refuse(f"after-{id}", bad + SMUGGLED * 3, None, status)
    pipelining.add(
        f"between-{id}", get() + length(b"5") + bad + SMUGGLED, refused(status, calls=(GET, POST))
    )
pipelining.serve("two", get() * 2, GET, GET)
pipelining.serve("twenty", get() * 20, *[GET] * 20)
pipelining.serve("bodies", length(b"5") + chunked(WHOLE) + get(), POST, POST, GET)
pipelining.serve(
    "request-in-body",
    length(str(len(SMUGGLED)).encode(), SMUGGLED) + get(),
    ("POST", "/t", SMUGGLED),
    GET,
)
pipelining.serve(
    "request-in-chunk",
    chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)) + get(),
    ("POST", "/t", SMUGGLED),
    GET,
)
pipelining.serve("crlf-between", get() + b"\r\n" + get(), GET, GET)
pipelining.add("two-crlf-between", get() + b"\r\n\r\n" + SMUGGLED, refused(400, calls=(GET,)))
pipelining.serve(
    "body-longer-than-said", length(b"5", b"hello!") + SMUGGLED, POST, ("!GET", "/smuggled", b"")
)
pipelining.add(
    "cl-te", post(b"Content-Length: 6\r\n" + CHUNKED, b"0\r\n\r\nG") + SMUGGLED, refused(400)
)
pipelining.add(
    "te-cl",
    post(CHUNKED + b"Content-Length: 4\r\n", b"2c\r\n" + SMUGGLED + b"\r\n0\r\n\r\n"),
    refused(400),
)
pipelining.add(
    "te-te", coding(b" chunked", more=b"Transfer-Encoding: cow\r\n") + SMUGGLED, refused(501)
)
pipelining.add("cl-0", post(b"Content-Length: 0\r\n") + get(), served(EMPTY_POST, GET))
pipelining.serve("after-close", get(b"Connection: close\r\n") + SMUGGLED, GET, close=True)
pipelining.serve(
    "after-http10", line(b"GET /t HTTP/1.0") + SMUGGLED, GET, close=True, version="HTTP/1.0"
)
pipelining.serve(
    "after-connect", line(b"CONNECT h:1 HTTP/1.1") + SMUGGLED, ("CONNECT", "h:1", b""), close=True
)
pipelining.serve("after-gzip", coding(b" gzip, chunked") + SMUGGLED, POST, close=True)

TABLES = (hosts, targets, limits, truncation, pipelining)
