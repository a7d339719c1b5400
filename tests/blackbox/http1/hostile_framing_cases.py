"""Where a message ends: Content-Length, Transfer-Encoding, chunks, extensions, trailers."""

from blackbox.http1.hostile_cases import (
    CHUNKED,
    EMPTY_POST,
    POST,
    SKIP,
    SMUGGLED,
    UNANSWERED,
    Table,
    chunked,
    coding,
    get,
    length,
    post,
    refused,
    served,
)

CL = "Invalid HTTP Header: 'CONTENT-LENGTH'"
TE = "Invalid HTTP Header: 'TRANSFER-ENCODING'"
SIZE = "Invalid chunk size: b'%s'"
EXT = "Invalid chunk extension"
END = r"Invalid chunk terminator is not '\r\n': b'%s'"
NAME = "Invalid HTTP header name: '%s'"
LAST = b"0\r\n\r\n"
HELLO = b"5\r\nhello\r\n"

lengths = Table("length")
lengths.serve("plain", length(b"5"), POST)
lengths.serve("tabs-around", length(b"\t5\t "), POST)
lengths.serve("leading-zeros", length(b"0005"), POST)
lengths.serve("zero", length(b"0", b""), EMPTY_POST)
lengths.serve("lower-case-name", post(b"content-length: 5\r\n", b"hello"), POST)
lengths.serve("none", post(), EMPTY_POST)
lengths.refuse("twice-same", length(b"5", more=b"Content-Length: 5\r\n"), CL)
lengths.refuse("twice-different", length(b"5", more=b"Content-Length: 6\r\n"), CL)
lengths.refuse("twice-zero-first", length(b"0", b"", b"Content-Length: 44\r\n"), CL)
lengths.refuse("twice-mixed-case", length(b"5", more=b"cOnTENT-lENGTH: 5\r\n"), CL)
lengths.refuse("list-same", length(b"5, 5"), CL)
lengths.refuse("list-different", length(b"5,6"), CL)
lengths.refuse("list-empty-member", length(b"5,"), CL)
lengths.refuse("plus", length(b"+5"), CL)
lengths.refuse("minus", length(b"-5"), CL)
lengths.refuse("minus-zero", length(b"-0", b""), CL)
lengths.refuse("space-inside", length(b"1 0"), CL)
lengths.refuse("hex", length(b"0x5"), CL)
lengths.refuse("hex-letter", length(b"a"), CL)
lengths.refuse("underscore", length(b"1_0"), CL)
lengths.refuse("decimal", length(b"5.0"), CL)
lengths.refuse("exponent", length(b"5e0"), CL)
lengths.refuse("quoted", length(b'"5"'), CL)
lengths.refuse("empty", length(b""), CL)
lengths.refuse("superscript-two", length(b"\xb2"), CL)
lengths.refuse("trailing-text", length(b"5 bytes"), CL)
lengths.refuse("semicolon", length(b"5;"), CL)
for digits in (19, 20, 21, 40, 400):
    lengths.refuse(
        f"overflow-{digits}-digits",
        length(b"9" * digits),
        gunicorn=SKIP,
        why="a length that no 63-bit number holds cannot be counted: refused at once",
    )
lengths.refuse(
    "overflow-wraps-to-5",
    length(b"18446744073709551621"),
    CL,
    gunicorn=SKIP,
    why="2**64 + 5; Python counts without bound and waits for the rest",
)
lengths.refuse(
    "space-before-colon", post(b"Content-Length : 5\r\n", b"hello"), NAME % "Content-Length "
)
lengths.refuse("nul-after-name", post(b"Content-Length\0: 5\r\n", b"hello"))
lengths.serve("underscore-name-is-no-length", post(b"Content_Length: 44\r\n"), EMPTY_POST)
lengths.serve("prefixed-name-is-no-length", post(b"X-Content-Length: 44\r\n"), EMPTY_POST)
lengths.refuse(
    "underscore-name-refused",
    post(b"Content_Length: 44\r\n"),
    NAME % "CONTENT_LENGTH",
    profile="refuse_map",
)

codings = Table("coding")
codings.serve("chunked", coding(b" chunked"), POST)
codings.serve("no-space", coding(b"chunked"), POST)
codings.serve("upper-case", coding(b" CHUNKED"), POST)
codings.serve("tab-around", coding(b"\tchunked\t"), POST)
codings.serve("many-spaces", coding(b"      chunked   "), POST)
codings.serve("underscore-name", post(b"Transfer_Encoding: chunked\r\n"), EMPTY_POST)
codings.serve("gzip-then-chunked", coding(b" gzip, chunked"), POST, close=True)
codings.serve("gzip-field-then-chunked", coding(b" gzip", more=CHUNKED), POST, close=True)
for value in (
    b"xchunked",
    b"chunkedx",
    b"chunked;q=1",
    b'"chunked"',
    b"'chunked'",
    b"chunked gzip",
    b"\xa0chunked",
    b"chunked\x85",
    b"chunke",
    b"cow",
    b"chunked, cow",
    b"x, chunked",
    b"br, chunked",
    b"chunked chunked",
):
    name = value.decode("latin-1").replace(", ", "+").replace(" ", "_").encode("unicode_escape")
    codings.refuse(
        "unknown-" + name.decode(),
        coding(b" " + value),
        None
        if max(value) > 0x7F or b"'" in value
        else f"Unsupported transfer coding: '{value.decode()}'",
        501,
    )
codings.refuse("empty", coding(b""), None, 400, 501)
codings.refuse("only-comma", coding(b" ,"), None, 400, 501)
codings.refuse("empty-member-last", coding(b" chunked,"), None, 400, 501)
codings.refuse("empty-member-first", coding(b" , chunked"), None, 400, 501)
codings.refuse("identity", coding(b" identity"), TE)
codings.refuse("identity-with-length", coding(b" identity", b"hello", b"Content-Length: 5\r\n"), TE)
codings.refuse("gzip-alone", coding(b" gzip"), TE)
codings.refuse("twice-in-list", coding(b" chunked, chunked"), TE)
codings.refuse("twice-in-fields", coding(b" chunked", more=CHUNKED), TE)
codings.refuse("twice-mixed-case", coding(b" chunked", more=b"transfer-encoding: cHuNkEd\r\n"), TE)
codings.refuse("gzip-after-chunked", coding(b" chunked, gzip"), TE)
codings.refuse(
    "identity-after-chunked", coding(b" chunked", more=b"Transfer-Encoding: identity\r\n"), TE
)
codings.add(
    "identity-before-chunked",
    coding(b" identity, chunked"),
    served(POST) + served(POST, close=True) + refused(400, 501),
    why="RFC 9112 no longer has identity; Gunicorn ignores it",
)
codings.refuse("with-length", coding(b" chunked", more=b"Content-Length: 5\r\n"), CL)
codings.refuse("with-length-before", length(b"15", HELLO + LAST, CHUNKED), CL)
codings.refuse("with-length-zero", coding(b" chunked", more=b"Content-Length: 0\r\n"), CL)
codings.refuse("with-bad-length", coding(b" chunked", more=b"Content-Length: x\r\n"), CL)
codings.refuse(
    "unknown-with-length",
    coding(b" cow", b"hello", b"Content-Length: 5\r\n"),
    "Unsupported transfer coding: 'cow'",
    501,
)
codings.refuse("http10", coding(b" chunked", line=b"POST /t HTTP/1.0"), TE)
codings.refuse(
    "http10-keep-alive",
    coding(b" chunked", more=b"Connection: keep-alive\r\n", line=b"POST /t HTTP/1.0"),
    TE,
)
codings.refuse("http10-identity", coding(b" identity", line=b"POST /t HTTP/1.0"), TE)
codings.refuse(
    "folded", coding(b"\r\n chunked"), "Obsolete line folding is unacceptable: 'TRANSFER-ENCODING'"
)
codings.refuse(
    "folded-tab",
    coding(b" x\r\n\tchunked"),
    "Obsolete line folding is unacceptable: 'TRANSFER-ENCODING'",
)
codings.refuse("vertical-tab", coding(b" \x0bchunked"), TE)
codings.refuse("form-feed", coding(b" chunked\x0c"), TE)
codings.refuse("nul", coding(b" chunked\0"), TE)
codings.refuse(
    "space-before-colon",
    post(b"Transfer-Encoding : chunked\r\n", HELLO + LAST),
    NAME % "Transfer-Encoding ",
)
codings.refuse("tab-before-colon", post(b"Transfer-Encoding\t: chunked\r\n", HELLO + LAST))
codings.refuse(
    "space-in-name",
    post(b"Transfer -Encoding: chunked\r\n", HELLO + LAST),
    NAME % "Transfer -Encoding",
)
codings.refuse("hidden-after-bare-lf", post(b"X: y\nTransfer-Encoding: chunked\r\n", HELLO + LAST))
codings.refuse("hidden-after-bare-cr", post(b"X: y\rTransfer-Encoding: chunked\r\n", HELLO + LAST))
codings.serve("get-with-chunked-body", get(CHUNKED) + HELLO + LAST, ("GET", "/t", b"hello"))

sizes = Table("chunk")
sizes.serve("one", chunked(HELLO + LAST), POST)
sizes.serve("empty-body", chunked(LAST), EMPTY_POST)
sizes.serve("three", chunked(b"1\r\nh\r\n3\r\nell\r\n1\r\no\r\n" + LAST), POST)
sizes.serve("hex-upper", chunked(b"A\r\n0123456789\r\n" + LAST), ("POST", "/t", b"0123456789"))
sizes.serve("hex-lower", chunked(b"a\r\n0123456789\r\n" + LAST), ("POST", "/t", b"0123456789"))
sizes.serve("zeros-before", chunked(b"0005\r\nhello\r\n" + LAST), POST)
sizes.serve("last-of-zeros", chunked(HELLO + b"000\r\n\r\n"), POST)
sizes.serve(
    "data-looks-like-end", chunked(b"5\r\n0\r\n\r\n\r\n" + LAST), ("POST", "/t", b"0\r\n\r\n")
)
sizes.serve("many", chunked(b"1\r\nx\r\n" * 500 + LAST), ("POST", "/t", b"x" * 500))
sizes.add(
    "zeros-17",
    chunked(b"00000000000000005\r\nhello\r\n" + LAST),
    served(POST) + refused(400),
    gunicorn=served(POST),
)
sizes.add(
    "zeros-400",
    chunked(b"0" * 400 + b"5\r\nhello\r\n" + LAST),
    served(POST) + refused(400),
    gunicorn=served(POST),
)
for name, size in {
    "empty": b"",
    "minus": b"-5",
    "plus": b"+5",
    "prefix-0x": b"0x5",
    "underscore": b"1_0",
    "not-hex": b"zz",
    "hex-then-other": b"5g",
    "comma": b"5,5",
    "dot": b"5.0",
    "hash": b"#5",
    "h-suffix": b"5h",
    "quoted": b'"5"',
    "space-before": b" 5",
    "space-after": b"5 ",
    "space-inside": b"1 0",
    "tab-after": b"5\t",
    "backslash": b"5\\",
}.items():
    quoted = None if b"\\" in size or b"\t" in size else SIZE % size.decode()
    sizes.refuse(name, chunked(size + b"\r\nhello\r\n" + LAST), quoted)
sizes.refuse("tab-before", chunked(b"\t5\r\nhello\r\n" + LAST))
sizes.refuse("nul", chunked(b"5\0\r\nhello\r\n" + LAST))
sizes.refuse("high-bit", chunked(b"5\xb2\r\nhello\r\n" + LAST))
for digits, name in (
    (b"F" * 17, "17-digits"),
    (b"F" * 40, "40-digits"),
    (b"10000000000000005", "wraps-64-bit"),
    (b"F" * 16, "16-digits"),
):
    sizes.refuse(
        "overflow-" + name,
        chunked(digits + b"\r\nhello\r\n" + LAST),
        gunicorn=SKIP,
        why="cannot be counted in 63 bits; Python waits for the rest",
    )
sizes.add(
    "wraps-32-bit",
    chunked(b"100000005\r\nhello\r\n" + LAST),
    UNANSWERED + refused(400),
    eof=True,
    gunicorn=SKIP,
    why="4 GiB and 5 are announced and never come",
)
for name, data in {
    "missing": b"5\r\nhello0\r\n\r\n",
    "other-bytes": b"5\r\nhelloXX\r\n" + LAST,
    "longer-than-said": b"3\r\nhello\r\n" + LAST,
    "shorter-than-said": b"6\r\nhello\r\n" + LAST,
    "lf-only": b"5\r\nhello\n" + LAST,
    "cr-only": b"5\r\nhello\r" + LAST,
    "cr-cr-lf": b"5\r\nhello\r\r\n" + LAST,
    "lf-cr": b"5\r\nhello\n\r" + LAST,
    "space": b"5\r\nhello \r\n" + LAST,
}.items():
    sizes.refuse(
        "terminator-" + name, chunked(data), END % "lo" if name.startswith("long") else None
    )
sizes.refuse("line-ends-lf", chunked(b"5\nhello\r\n" + LAST))
sizes.refuse(
    "line-all-lf",
    chunked(b"5\nhello\n0\n\n"),
    gunicorn=SKIP,
    why="Gunicorn waits for a CRLF that never comes",
)
sizes.refuse("last-line-lf", chunked(HELLO + b"0\n\r\n"))
sizes.refuse("last-line-lf-lf", chunked(HELLO + b"0\n\n"), gunicorn=SKIP, why="as line-all-lf")
sizes.refuse("end-lf", chunked(HELLO + b"0\r\n\n"))
sizes.refuse("line-bare-cr", chunked(b"5\rhello\r\n" + LAST))
sizes.refuse("line-cr-in-size", chunked(b"5\r5\r\nhello\r\n" + LAST))
sizes.refuse("line-cr-cr-lf", chunked(b"5\r\r\nhello\r\n" + LAST))
sizes.refuse("crlf-before-size", chunked(b"\r\n" + HELLO + LAST), SIZE % "")
sizes.refuse("second-is-bad", chunked(HELLO + b"zz\r\nhello\r\n" + LAST), SIZE % "zz")
sizes.refuse("digits-without-end", chunked(b"0" * 9000), None, 400, 431)

extensions = Table("extension")
for name, ext in {
    "token": b";a",
    "value": b";a=b",
    "quoted": b';a="b c"',
    "quoted-empty": b';a=""',
    "quoted-escape": b';a="b\\"c"',
    "quoted-obs-text": b';a="\xff"',
    "quoted-semicolon": b';a="b;c"',
    "two": b";a;b=c",
    "space-before": b" ;a=b",
    "tab-before": b"\t;a=b",
    "token-characters": b";!#$%&'*+-.^_`|~09=!#$%&'*+-.^_`|~09",
    "long": b";a=" + b"b" * 4000,
}.items():
    extensions.serve(name, chunked(b"5" + ext + b"\r\nhello\r\n" + LAST), POST)
extensions.serve("on-last", chunked(HELLO + b"0;a=b\r\n\r\n"), POST)
for name, ext in {"space-after-semicolon": b"; a=b", "spaces-around-equals": b";a = b"}.items():
    extensions.add(
        name,
        chunked(b"5" + ext + b"\r\nhello\r\n" + LAST),
        served(POST),
        why="RFC 9112 7.1.1 has BWS here",
    )
for name, ext in {
    "nothing": b";",
    "two-semicolons": b";;a",
    "last-empty": b";a;",
    "no-value": b";a=",
    "no-name": b";=b",
    "two-words": b";a b",
    "two-equals": b";a=b=c",
    "quote-open": b';a="b',
    "quote-then-more": b';a="b"c',
    "quote-ends-in-escape": b';a="b\\"',
    "quoted-name": b';"a"=b',
    "comma": b";a,b",
    "nul": b";a=b\0",
    "control": b";a=\x01",
    "high-bit": b";a=\xff",
    "del": b";a=\x7f",
    "bare-cr": b";a=b\rc",
    "bare-cr-quoted": b';a="b\rc"',
    "bare-lf": b";a=b\nc",
    "bare-lf-quoted": b';a="b\nc"',
    "crlf-quoted": b';a="b\r\nc"',
    "cr-before-end": b";a=b\r",
    "control-quoted": b';a="b\x01"',
    "slash": b";a=b/c",
}.items():
    extensions.refuse(name, chunked(b"5" + ext + b"\r\nhello\r\n" + LAST), EXT)
extensions.refuse("bad-on-last", chunked(HELLO + b"0;\r\n\r\n"), EXT)
extensions.refuse(
    "too-long",
    chunked(b"5;a=" + b"b" * 9000 + b"\r\nhello\r\n" + LAST),
    None,
    400,
    431,
    gunicorn=SKIP,
    why="Gunicorn looks at the length only while the line is incomplete",
)
extensions.refuse("never-ends", chunked(b"5;a=" + b"b" * 20000), None, 400, 431)
extensions.refuse("hides-request", chunked(b'5;a="\r\nhello\r\n0\r\n\r\n' + SMUGGLED), EXT)
extensions.refuse("lf-hides-request", chunked(b"2;\nxx\r\n4c\r\n0\r\n\r\n" + SMUGGLED))

trailers = Table("trailer")


def trailer(lines):
    return chunked(HELLO + b"0\r\n" + lines + b"\r\n")


trailers.serve("one", trailer(b"X-Sum: abc\r\n"), POST)
trailers.serve("two", trailer(b"X-Sum: abc\r\nX-Other:\r\n"), POST)
trailers.serve("hundred", trailer(b"X: y\r\n" * 100), POST)
trailers.serve("underscore", trailer(b"X_Sum: abc\r\n"), POST)
trailers.serve("not-forbidden", trailer(b"Cookie: a=b\r\n"), POST)
for name in (
    b"Host",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Trailer",
    b"Authorization",
    b"TE",
    b"hOsT",
    b"content-length",
    b"TRANSFER-ENCODING",
):
    trailers.refuse(
        "forbidden-" + name.decode(), trailer(name + b": 5\r\n"), NAME % name.decode().upper()
    )
trailers.refuse("forbidden-second", trailer(b"X: y\r\nHost: evil\r\n"), NAME % "HOST")
trailers.refuse("too-many", trailer(b"X: y\r\n" * 101), "limit request headers fields", 431)
trailers.refuse(
    "too-large", trailer(b"X: " + b"y" * 8190 + b"\r\n"), "limit request headers fields size", 431
)
trailers.refuse("section-too-large", chunked(HELLO + b"0\r\nX: " + b"y" * 830000), None, 431)
trailers.refuse("no-colon", trailer(b"Xy\r\n"), "Invalid HTTP Header: 'Xy'")
trailers.refuse("no-name", trailer(b": y\r\n"), "Invalid HTTP Header: ': y'")
trailers.refuse("space-in-name", trailer(b"X y: z\r\n"), NAME % "X y")
trailers.refuse("space-before-colon", trailer(b"X : z\r\n"), NAME % "X ")
trailers.refuse("high-bit-name", trailer(b"X\xe9: z\r\n"))
trailers.refuse("nul-in-value", trailer(b"X: y\0z\r\n"), "Invalid HTTP Header: 'X'")
trailers.refuse("control-in-value", trailer(b"X: y\x07\r\n"), "Invalid HTTP Header: 'X'")
trailers.refuse("del-in-value", trailer(b"X: y\x7f\r\n"), "Invalid HTTP Header: 'X'")
trailers.refuse("bare-cr", trailer(b"X: y\rz\r\n"), "Invalid HTTP Header: 'X'")
trailers.refuse("bare-lf", trailer(b"X: y\nZ: z\r\n"))
trailers.refuse("lf-ends-line", trailer(b"X: y\n"))
trailers.refuse("lf-ends-section", chunked(HELLO + b"0\r\nX: y\r\n\n"))
trailers.refuse("folded", trailer(b"X: y\r\n z\r\n"), "Obsolete line folding is unacceptable: 'X'")
trailers.refuse(
    "folded-tab", trailer(b"X: y\r\n\tz\r\n"), "Obsolete line folding is unacceptable: 'X'"
)
trailers.refuse("first-folded", trailer(b" X: y\r\n"), NAME % " X")
trailers.refuse("request-line", trailer(b"GET /smuggled HTTP/1.1\r\nHost: h\r\n"))
trailers.refuse(
    "ended-by-cr-cr", chunked(HELLO + b"0\r\nX: y\r\r\n\r\n"), "Invalid HTTP Header: 'X'"
)

TABLES = (lengths, codings, sizes, extensions, trailers)
