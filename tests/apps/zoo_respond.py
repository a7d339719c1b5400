"""Views about the response: status, headers, iterables, write(), errors, close()."""

import collections
import sys
import threading

from zoo_core import Closing, count, mark, query, text, view, wait_for_file

PLAIN = [("Content-Type", "text/plain")]


@view
def status(environ, start_response):
    """Any status line, with ?s=, and any body with ?b=, with a length unless ?nolen."""
    q = query(environ)
    body = q.get("b", "").encode()
    headers = [] if "nolen" in q else [("Content-Length", q.get("cl", str(len(body))))]
    start_response(q.get("s", "200 OK"), headers)
    return [body] if body else []


@view
def bad_status(environ, start_response):
    values = {
        "bytes": b"200 OK",
        "int": 200,
        "none": None,
        "long": "2000 OK",
        "short": "20 OK",
        "letters": "abc OK",
        "empty": "",
        "crlf": "200 OK\r\nX-Injected: 1",
        "lf": "200 OK\nX: 1",
        "nul": "200 O\0K",
        "tight": "200OK",
        "space": " 200 OK",
        "unicode": "200 \u20ac",
    }
    start_response(values[query(environ)["v"]], [("Content-Length", "2")])
    return [b"hi"]


@view
def bare_status(environ, start_response):
    start_response("200", [("Content-Length", "2")])
    return [b"hi"]


BAD_HEADERS = {
    "name_space": [("X Bad", "v")],
    "name_colon": [("X:Bad", "v")],
    "name_empty": [("", "v")],
    "name_crlf": [("X-A\r\nX-Injected", "v")],
    "name_lf": [("X-A\nX-Injected", "v")],
    "name_ctl": [("X-\x01", "v")],
    "name_nul": [("X-\0", "v")],
    "name_unicode": [("X-\u20ac", "v")],
    "name_latin": [("X-\xe9", "v")],
    "name_bytes": [(b"X-A", "v")],
    "name_int": [(1, "v")],
    "value_crlf": [("X-A", "v\r\nX-Injected: 1")],
    "value_lf": [("X-A", "v\nX-Injected: 1")],
    "value_cr": [("X-A", "v\rX-Injected: 1")],
    "value_nul": [("X-A", "v\0")],
    "value_ctl": [("X-A", "v\x01")],
    "value_del": [("X-A", "v\x7f")],
    "value_unicode": [("X-A", "\u20ac")],
    "value_bytes": [("X-A", b"v")],
    "value_int": [("X-A", 1)],
    "value_none": [("X-A", None)],
    "cl_text": [("Content-Length", "abc")],
    "cl_float": [("Content-Length", "1.5")],
    "cl_minus": [("Content-Length", "-1")],
    "cl_empty": [("Content-Length", "")],
    "pair_of_three": [("X-A", "v", "w")],
    "pair_of_one": [("X-A",)],
    "not_pair": ["X-A: v"],
    "value_fold": [("X-A", "v\r\n w")],
}


@view
def bad_headers(environ, start_response):
    start_response("200 OK", BAD_HEADERS[query(environ)["v"]])
    return [b"hi"]


@view
def headers_not_list(environ, start_response):
    start_response("200 OK", (("X-A", "v"), ("Content-Length", "2")))
    return [b"hi"]


@view
def response_headers(environ, start_response):
    """Every name a server must filter, among some it must pass on in order."""
    start_response(
        "200 OK",
        [
            ("X-First", "1"),
            ("Connection", "close"),
            ("Keep-Alive", "timeout=9"),
            ("Proxy-Authenticate", "Basic"),
            ("Proxy-Authorization", "x"),
            ("TE", "trailers"),
            ("Trailers", "X-T"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Server", "mine"),
            ("Date", "yesterday"),
            ("Content-Length", "2"),
            ("Set-Cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("X-Padded", "  v \t"),
            ("X-Latin", "caf\xe9"),
            ("X-Empty", ""),
            ("X-Last", "9"),
        ],
    )
    return [b"hi"]


@view
def twice(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    try:
        start_response("201 Created", [("Content-Length", "2")])
    except AssertionError as e:
        return text_after(e)
    return [b"no"]


def text_after(error):
    return [b"ae" if "already set" in str(error) else b"??"]


@view
def replace(environ, start_response):
    """exc_info before anything is sent replaces status and headers."""
    start_response("200 OK", [("X-Old", "1"), ("Content-Length", "2")])
    try:
        raise ValueError("replaced")
    except ValueError:
        start_response("503 Gone Wrong", [("X-New", "1"), ("Content-Length", "3")], sys.exc_info())
    return [b"new"]


@view
def replace_lazily(environ, start_response):
    """The same inside a generator whose chunks so far were empty."""
    start_response("200 OK", [("X-Old", "1")])
    yield b""
    try:
        raise ValueError("replaced")
    except ValueError:
        start_response("503 Gone Wrong", [("X-New", "1")], sys.exc_info())
    yield b"new"


@view
def replace_late(environ, start_response):
    """exc_info after the head has left raises the error again."""
    start_response("200 OK", PLAIN)
    yield b"begun"
    try:
        raise ValueError("too late to replace")
    except ValueError:
        start_response("500 Late", [("X-New", "1")], sys.exc_info())
    yield b"never sent"


@view
def never_started(environ, start_response):
    return [b"no start_response"]


@view
def never_started_empty(environ, start_response):
    return []


@view
def started_in_iterator(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"late "
    yield b"start"


class BytesChild(bytes):
    pass


class OnlyGetitem:
    def __getitem__(self, i):
        return [b"get", b"item"][i]


class OnlyIter:
    def __iter__(self):
        return iter([b"only ", b"iter"])


class ListChild(list):
    """A list that iterates as something else, and is closed."""

    def __iter__(self):
        return iter([b"child ", *super().__iter__()])

    def close(self):
        count("closed")


ITERABLES = {
    "list": lambda: [b"one", b"two"],
    "tuple": lambda: (b"one", b"two"),
    "generator": lambda: (x for x in [b"one", b"two"]),
    "iter": lambda: iter([b"one", b"two"]),
    "map": lambda: map(bytes, [b"one", b"two"]),
    "only_iter": OnlyIter,
    "getitem": OnlyGetitem,
    "empty_list": list,
    "empty_tuple": tuple,
    "empty_gen": lambda: iter(()),
    "empty_chunks": lambda: [b"", b"one", b"", b"", b"two", b""],
    "only_empty": lambda: [b"", b""],
    "child": lambda: [BytesChild(b"child")],
    "bytes": lambda: b"whole",
    "big": lambda: [b"x" * 3_000_000],
    "many": lambda: [b"%d," % i for i in range(5000)],
    "gen_many": lambda: (b"%d," % i for i in range(5000)),
    "dict": lambda: {b"key": 1},
    "set": lambda: {b"item"},
    "list_child": lambda: ListChild([b"one"]),
    "closing": lambda: Closing([b"one", b"two"]),
}


@view
def iterable(environ, start_response):
    start_response("200 OK", PLAIN)
    return ITERABLES[query(environ)["v"]]()


BAD_ITEMS = {
    "str": "text",
    "int": 7,
    "none": None,
    "bytearray": bytearray(b"ba"),
    "memoryview": memoryview(b"mv"),
    "list": [b"x"],
}


@view
def bad_item(environ, start_response):
    """A chunk that is not bytes: first (nothing sent yet), or after a good one with ?late."""
    q = query(environ)
    start_response("200 OK", PLAIN)
    bad = BAD_ITEMS[q["v"]]
    return Closing([b"good", bad] if "late" in q else [bad])


@view
def bad_result(environ, start_response):
    start_response("200 OK", PLAIN)
    return {"none": None, "int": 5, "str": "text", "object": object()}[query(environ)["v"]]


@view
def closing(environ, start_response):
    """Counts close(); raises at ?at=, with a length if ?cl."""
    q = query(environ)
    items = [b"a" * 10, b"b" * 10, b"c" * 10]
    if "at" in q:
        items.insert(int(q["at"]), ValueError("iterator failed"))
    start_response("200 OK", [("Content-Length", q["cl"])] if "cl" in q else PLAIN)
    return Closing(items)


@view
def close_raises(environ, start_response):
    class Bad(Closing):
        def close(self):
            super().close()
            raise ValueError("close failed")

    start_response("200 OK", [("Content-Length", "2")])
    return Bad([b"hi"])


OPEN = collections.Counter()  # iterables open now, by thread


class Overlapping:
    """Says how many iterables its thread has open."""

    def __init__(self):
        self.thread, self.left = threading.get_ident(), 20
        OPEN[self.thread] += 1

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        if threading.get_ident() != self.thread:
            return b"thread changed;"
        return b"%d;" % OPEN[self.thread] + b" " * 20_000

    def close(self):
        OPEN[self.thread] -= 1


@view
def overlap(environ, start_response):
    start_response("200 OK", PLAIN)
    return Overlapping()


@view
def raises(environ, start_response):
    raise ValueError("raised before anything")


@view
def raises_started(environ, start_response):
    start_response("200 OK", PLAIN)
    raise ValueError("raised after start_response")


@view
def raises_iterating(environ, start_response):
    start_response("200 OK", PLAIN)
    return Closing([ValueError("raised at the first chunk")])


@view
def raises_midway(environ, start_response):
    start_response("200 OK", PLAIN)
    return Closing([b"begun", ValueError("raised midway")])


@view
def raises_midway_length(environ, start_response):
    start_response("200 OK", [("Content-Length", "100")])
    return Closing([b"begun", ValueError("raised midway")])


@view
def raises_exit(environ, start_response):
    raise SystemExit(7)


@view
def raises_keyboard(environ, start_response):
    raise KeyboardInterrupt


@view
def raises_unprintable(environ, start_response):
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    raise Unprintable


@view
def write(environ, start_response):
    """write() for some, returned iterable for the rest."""
    q = query(environ)
    put = start_response("200 OK", [("Content-Length", q["cl"])] if "cl" in q else PLAIN)
    put(b"one ")
    put(b"")
    put(b"two ")
    return Closing([b"three"]) if "more" in q else []


@view
def write_big(environ, start_response):
    put = start_response("200 OK", PLAIN)
    for _ in range(64):
        put(b"w" * 65536)
    return []


@view
def write_bad(environ, start_response):
    put = start_response("200 OK", PLAIN)
    try:
        put("text")
    except TypeError:
        count("type_error")
        raise
    return []


@view
def write_then_error(environ, start_response):
    put = start_response("200 OK", PLAIN)
    put(b"written")
    raise ValueError("after write")


@view
def write_before_start(environ, start_response):
    put = start_response("200 OK", [("Content-Length", "5")])
    put(b"first")
    try:
        start_response("200 OK", [])
    except AssertionError:
        count("second_refused")
    return []


@view
def stream_steps(environ, start_response):
    """Each chunk must be on its way before the next is asked for."""
    start_response("200 OK", PLAIN)
    yield b"first"
    wait_for_file("go1")
    yield b"second"
    wait_for_file("go2")
    yield b"third"


@view
def write_steps(environ, start_response):
    put = start_response("200 OK", PLAIN)
    put(b"first")
    wait_for_file("go1")
    put(b"second")
    return [b"third"]


@view
def large(environ, start_response):
    """?n= bytes, as one object, a list, or yielded in pieces (?how=)."""
    q = query(environ)
    n, how = int(q.get("n", 10_000_000)), q.get("how", "one")
    block = bytes(range(256)) * 256
    start_response("200 OK", [("Content-Length", str(n))] if "cl" in q else PLAIN)
    if how == "one":
        return (
            Closing([(block * (n // len(block) + 1))[:n]], "large_closed")
            if "closing" in q
            else [(block * (n // len(block) + 1))[:n]]
        )
    sizes = [len(block)] * (n // len(block)) + [n % len(block)]
    if how == "list":
        return [block[:s] for s in sizes if s]

    def finished():
        mark("finished")
        return b""

    return Closing([*(block[:s] for s in sizes if s), finished], "large_closed")


@view
def long_call(environ, start_response):
    """Says that it began, then waits for the test."""
    mark("began")
    wait_for_file("release")
    return text(start_response, "done")


@view
def upgrade(environ, start_response):
    start_response(
        "101 Switching Protocols",
        [("Connection", "upgrade"), ("Upgrade", "websocket"), ("X-A", "1")],
    )
    return []


@view
def head_only(environ, start_response):
    """Answers HEAD with the body it would send to GET."""
    start_response("200 OK", [("Content-Length", "5")])
    return Closing([b"hello"])


@view
def no_body(environ, start_response):
    """A status that may have no body, given one all the same."""
    q = query(environ)
    start_response(q["s"], [("Content-Length", "5"), ("X-A", "1")])
    return Closing([b"hello"])


@view
def latin_reason(environ, start_response):
    start_response("200 caf\xe9", [("Content-Length", "0")])
    return []
