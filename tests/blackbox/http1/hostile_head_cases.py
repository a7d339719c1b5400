"""The head: bytes that no line may hold, line ends, folding, versions, methods."""

from blackbox.http1.hostile_cases import (
    CHUNKED,
    GET,
    POST,
    SMUGGLED,
    UNANSWERED,
    Table,
    get,
    length,
    post,
    refused,
)

LINE = "Invalid HTTP request line: '%s'"
METHOD = "Invalid HTTP method: '%s'"
VERSION = "Invalid HTTP Version: %s"
HEADER = "Invalid HTTP Header: '%s'"
NAME = "Invalid HTTP header name: '%s'"
FOLD = "Obsolete line folding is unacceptable: '%s'"
BARE_LF = "bare LF as line terminator"


def line(text, fields=b""):
    return get(fields, text)


cr = Table("bare-cr")
cr.refuse("in-target", line(b"GET /\r HTTP/1.1"))
cr.refuse("after-target", line(b"GET /t\rX HTTP/1.1"))
cr.refuse("after-method", line(b"GET\r /t HTTP/1.1"))
cr.refuse("between-method-and-target", line(b"GET\r/t HTTP/1.1"))
cr.refuse("before-method", line(b"\rGET /t HTTP/1.1"))
cr.refuse("in-version", line(b"GET /t HTTP/1\r.1"))
cr.refuse("after-version", b"GET /t HTTP/1.1\r\r\nHost: h\r\n\r\n")
cr.refuse("for-line-end", b"GET /t HTTP/1.1\rHost: h\r\n\r\n")
cr.add("for-every-line-end", b"GET /t HTTP/1.1\rHost: h\r\r", UNANSWERED + refused(400), eof=True)
cr.refuse("in-name", get(b"A\rB: c\r\n"))
cr.refuse("before-name", get(b"\rA: c\r\n"))
cr.refuse("before-colon", get(b"A\r: c\r\n"))
cr.refuse("in-value", get(b"A: b\rc\r\n"), HEADER % "A")
cr.refuse("starts-value", get(b"A:\rb\r\n"), HEADER % "A")
cr.refuse("ends-value", get(b"A: b\r\r\n"), HEADER % "A")
cr.refuse("alone-as-value", get(b"A:\r\r\n"), HEADER % "A")
cr.refuse("line-of-cr", get(b"\r\r\n"))
cr.refuse("ends-head", b"GET /t HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n")
cr.refuse("hides-header", get(b"A: b\rContent-Length: 44\r\n"), HEADER % "A")
cr.refuse("hides-request", get(b"A: b\r\r" + SMUGGLED))

lf = Table("bare-lf")
lf.refuse("everywhere", b"GET /t HTTP/1.1\nHost: h\n\n", BARE_LF)
lf.refuse("after-request-line", b"GET /t HTTP/1.1\nHost: h\r\n\r\n", BARE_LF)
lf.refuse("before-method", line(b"\nGET /t HTTP/1.1"), BARE_LF)
lf.refuse("in-method", line(b"GE\nT /t HTTP/1.1"), BARE_LF)
lf.refuse("after-method", line(b"GET\n/t HTTP/1.1"), BARE_LF)
lf.refuse("in-target", line(b"GET /t\n HTTP/1.1"), BARE_LF)
lf.refuse("in-version", line(b"GET /t HTTP/1\n.1"), BARE_LF)
lf.refuse("no-headers", b"GET /t HTTP/1.1\n\n", BARE_LF)
lf.refuse("http09", b"GET /t\n", BARE_LF)
lf.refuse("between-headers", get(b"A: b\nC: d\r\n"))
lf.refuse("after-host", b"GET /t HTTP/1.1\r\nHost: h\nA: b\r\n\r\n")
lf.refuse("ends-last-header", b"GET /t HTTP/1.1\r\nHost: h\n\r\n")
lf.refuse("ends-head", b"GET /t HTTP/1.1\r\nHost: h\r\n\n")
lf.refuse("ends-head-twice", b"GET /t HTTP/1.1\r\nHost: h\n\n")
lf.refuse("in-name", get(b"A\nB: c\r\n"))
lf.refuse("before-colon", get(b"A\n: c\r\n"))
lf.refuse("starts-value", get(b"A:\nb\r\n"))
lf.refuse("lf-cr", get(b"A: b\n\rC: d\r\n"))
lf.refuse("fold", get(b"A: b\n c\r\n"))
lf.refuse("line-of-lf", get(b"\n\r\n"))
lf.refuse("hides-header", get(b"A: b\nContent-Length: 44\r\n"))
lf.refuse("hides-coding", post(b"A: b\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"))
lf.refuse("hides-request", b"GET /t HTTP/1.1\r\nHost: h\n\n" + SMUGGLED)
lf.refuse("hides-request-in-value", get(b"A: b\n\n" + SMUGGLED))

controls = Table("control")
controls.refuse("nul-in-method", line(b"GE\0T /t HTTP/1.1"))
controls.refuse("nul-before-method", line(b"\0GET /t HTTP/1.1"))
controls.refuse("nul-in-target", line(b"GET /t\0 HTTP/1.1"))
controls.refuse("nul-in-version", line(b"GET /t HTTP/1.1\0"))
controls.refuse("nul-in-name", get(b"A\0B: c\r\n"))
controls.refuse("nul-in-value", get(b"A: b\0c\r\n"), HEADER % "A")
controls.refuse("nul-as-value", get(b"A: \0\r\n"), HEADER % "A")
controls.refuse("nul-line", get(b"\0\r\n"))
controls.refuse("nul-after-host", get(b"", host=b"Host: h\0.evil\r\n"), HEADER % "HOST")
for byte in (0x01, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1F, 0x7F):
    b = bytes([byte])
    controls.refuse(f"{byte:02x}-in-method", line(b"GE" + b + b"T /t HTTP/1.1"))
    controls.refuse(f"{byte:02x}-in-target", line(b"GET /t" + b + b" HTTP/1.1"))
    controls.refuse(f"{byte:02x}-in-name", get(b"A" + b + b": c\r\n"))
    controls.refuse(f"{byte:02x}-in-value", get(b"A: b" + b + b"c\r\n"), HEADER % "A")
    controls.refuse(f"{byte:02x}-ends-value", get(b"A: b" + b + b"\r\n"), HEADER % "A")
controls.refuse("tab-in-target", line(b"GET /t\tx HTTP/1.1"))
controls.refuse("tabs-for-spaces", line(b"GET\t/t\tHTTP/1.1"))
controls.refuse("high-bit-in-method", line(b"G\xc9T /t HTTP/1.1"))
controls.refuse("high-bit-in-target", line(b"GET /caf\xe9 HTTP/1.1"))
controls.refuse("utf8-in-target", line("GET /café HTTP/1.1".encode()))
controls.refuse("80-in-target", line(b"GET /\x80 HTTP/1.1"))
controls.refuse("ff-in-query", line(b"GET /t?q=\xff HTTP/1.1"))
controls.refuse("high-bit-in-version", line(b"GET /t HTTP/1.\xb1"))
controls.refuse("high-bit-in-name", get(b"N\xe4me: x\r\n"))
controls.refuse("sharp-s-in-name", get(b"HO\xdft: x\r\n"))
controls.refuse("ff-in-name", get(b"\xff: x\r\n"))
controls.refuse("nbsp-before-colon", get(b"A\xa0: x\r\n"))
controls.refuse("nbsp-before-length", post(b"Content-Length\xa0: 5\r\n", b"hello"))
controls.serve("tab-in-value", get(b"A: b\tc\r\n"), GET)
controls.serve("obs-text-in-value", get(b"A: caf\xe9\r\n"), GET)
controls.serve("empty-value", get(b"A:\r\n"), GET)
controls.add(
    "tls-hello",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    UNANSWERED + refused(400),
    eof=True,
)

names = Table("name")
for char in b' "(),/;<=>?@[\\]{}':
    names.refuse(
        f"char-{char:02x}",
        get(b"A" + bytes([char]) + b"B: c\r\n"),
        None if char == 0x5C else NAME % f"A{chr(char)}B",
    )
names.refuse("no-colon", get(b"A\r\n"), HEADER % "A")
names.refuse("empty", get(b": c\r\n"), HEADER % ": c")
names.refuse("only-colon", get(b":\r\n"), HEADER % ":")
names.refuse("space-before-colon", get(b"A : c\r\n"), NAME % "A ")
names.refuse("tab-before-colon", get(b"A\t: c\r\n"))
names.refuse("host-space", get(host=b"Host : h\r\n"), NAME % "Host ")
names.refuse("underscore-refused", get(b"A_B: c\r\n"), NAME % "A_B", profile="refuse_map")
names.serve("underscore-dropped", get(b"A_B: c\r\n"), GET)
names.serve("token-characters", get(b"!#$%&'*+-.^`|~09aZ: c\r\n"), GET)
names.serve("colon-in-value", get(b"A::c:\r\n"), GET)
names.refuse(
    "content-type-twice",
    get(b"Content-Type: a/b\r\nContent-Type: a/b\r\n"),
    HEADER % "CONTENT-TYPE",
)
names.refuse(
    "expect-other", get(b"Expect: foo\r\n"), "Unable to comply with expectation: 'foo'", 417
)
names.refuse(
    "expect-list",
    post(b"Expect: 100-continue, foo\r\nContent-Length: 5\r\n", b"hello"),
    "Unable to comply with expectation: '100-continue, foo'",
    417,
)

folding = Table("folding")
for name, blank in (("space", b" "), ("tab", b"\t"), ("both", b" \t "), ("spaces", b"    ")):
    folding.refuse(f"first-header-{name}", get(host=blank + b"Host: h\r\n"))
    folding.refuse(f"second-line-{name}", get(b"A: b\r\n" + blank + b"c\r\n"), FOLD % "A")
    folding.refuse(f"blank-line-{name}", get(b"A: b\r\n" + blank + b"\r\n"), FOLD % "A")
folding.refuse("host", get(b" .evil\r\n"), FOLD % "HOST")
folding.refuse("last-header", get(b"A: b\r\nC: d\r\n e\r\n"), FOLD % "C")
folding.refuse("empty-value", get(b"A:\r\n b\r\n"), FOLD % "A")
folding.refuse("three-lines", get(b"A: b\r\n c\r\n d\r\n"), FOLD % "A")
folding.refuse("length", post(b"Content-Length:\r\n 5\r\n", b"hello"), FOLD % "CONTENT-LENGTH")
folding.refuse(
    "length-continued", post(b"Content-Length: 1\r\n 0\r\n", b"hello"), FOLD % "CONTENT-LENGTH"
)
folding.refuse("looks-like-length", post(b"A: b\r\n Content-Length: 5\r\n", b"hello"), FOLD % "A")
folding.refuse("looks-like-coding", post(b"A: b\r\n\t" + CHUNKED, b"0\r\n\r\n"), FOLD % "A")
folding.refuse("after-request-line", b"GET /t HTTP/1.1\r\n \r\nHost: h\r\n\r\n")
folding.refuse(
    "whitespace-ends-head", b"GET /t HTTP/1.1\r\nHost: h\r\n \r\n\r\n" + SMUGGLED, FOLD % "HOST"
)

versions = Table("version")
for minor in range(2, 10):
    versions.serve(f"1.{minor}", line(b"GET /t HTTP/1.%d" % minor), GET, version=f"HTTP/1.{minor}")
versions.serve("1.1", line(b"GET /t HTTP/1.1"), GET)
versions.serve("1.0", line(b"GET /t HTTP/1.0"), GET, close=True, version="HTTP/1.0")
versions.serve(
    "1.0-keep-alive",
    line(b"GET /t HTTP/1.0", b"Connection: keep-alive\r\n"),
    GET,
    version="HTTP/1.0",
)
for name, pair in (
    ("2.0", "(2, 0)"),
    ("3.0", "(3, 0)"),
    ("0.9", "(0, 9)"),
    ("9.9", "(9, 9)"),
    ("0.0", "(0, 0)"),
):
    versions.refuse(name, line(b"GET /t HTTP/" + name.encode()), VERSION % pair)
for name, text in {
    "1.10": b"HTTP/1.10",
    "11.1": b"HTTP/11.1",
    "lower-case": b"http/1.1",
    "mixed-case": b"Http/1.1",
    "no-minor": b"HTTP/1",
    "no-dot": b"HTTP/11",
    "dot-only": b"HTTP/1.",
    "comma": b"HTTP/1,1",
    "no-number": b"HTTP/",
    "no-slash": b"HTTP1.1",
    "only-name": b"HTTP",
    "space-inside": b"HTTP/ 1.1",
    "space-after": b"HTTP/1.1 ",
    "space-before": b" HTTP/1.1",
    "plus": b"HTTP/+1.1",
    "minus": b"HTTP/-1.1",
    "hex": b"HTTP/1.a",
    "other-protocol": b"HTTPS/1.1",
    "icy": b"ICY/1.1",
    "leading-zero": b"HTTP/01.1",
    "three-numbers": b"HTTP/1.1.1",
    "word-after": b"HTTP/1.1 x",
    "word-before": b"x HTTP/1.1",
}.items():
    versions.refuse(name, line(b"GET /t " + text), VERSION % f"'{text.decode()}'")
versions.refuse("empty", line(b"GET /t "), VERSION % "''")
versions.refuse("missing", line(b"GET /t"), LINE % "GET /t")
versions.refuse("only-method", line(b"GET"), LINE % "GET")
versions.refuse("empty-line", b"\r\n\r\n" + line(b"GET /t HTTP/1.1"), LINE % "")
versions.refuse("http2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", LINE % "PRI * HTTP/2.0")
versions.serve("one-empty-line-before", b"\r\n" + line(b"GET /t HTTP/1.1"), GET)

methods = Table("method")
for name, text in {
    "lower-case": b"get",
    "mixed-case": b"Get",
    "one-lower": b"GEt",
    "hash": b"GET#",
    "two": b"GE",
    "one": b"G",
    "21": b"A" * 21,
    "brackets": b"[GET]",
    "at": b"G@T",
    "slash": b"G/T",
    "colon": b"GET:",
    "comma": b"GET,",
    "semicolon": b"GET;",
    "quote": b'"GET"',
    "paren": b"GET()",
    "brace": b"{GET}",
    "equals": b"GET=",
    "less": b"<GET>",
    "question": b"GET?",
    "proxy": b"http://h/",
    "lower-connect": b"connect",
}.items():
    methods.refuse(name, line(text + b" /t HTTP/1.1"), METHOD % text.decode())
methods.refuse("backslash", line(b"G\\ET /t HTTP/1.1"))
methods.refuse("space-before", line(b" GET /t HTTP/1.1"), METHOD % "")
methods.refuse("space-before-after-crlf", b"\r\n" + line(b" GET /t HTTP/1.1"), METHOD % "")
methods.refuse("two-spaces-after", line(b"GET  /t HTTP/1.1"))
methods.refuse("two-spaces-only", line(b"GET  HTTP/1.1"), LINE % "GET  HTTP/1.1")
for name in (
    b"PUT",
    b"PATCH",
    b"DELETE",
    b"M-SEARCH",
    b"VERSION-CONTROL",
    b"BASELINE-CONTROL",
    b"A" * 20,
    b"AB1",
    b"123",
    b"G!$%&'*+-.^_`|~09Z",
):
    methods.serve(
        "odd-" + (name.decode() if name.isalnum() or b"-" in name[1:2] else name.hex()),
        line(name + b" /t HTTP/1.1"),
        (name.decode(), "/t", b""),
    )
methods.serve("get-with-body", get(b"Content-Length: 5\r\n") + b"hello", ("GET", "/t", b"hello"))
methods.serve("post-plain", length(b"5"), POST)

TABLES = (cr, lf, controls, names, folding, versions, methods)
