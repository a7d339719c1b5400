"""What an application may return, and close(): always, once, whatever happened."""

import json

import pytest
from support.clock import wait_until
from support.rawhttp import Client, ConnectionEnded, fetch, request


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(expect_errors=True)


def counts(server):
    return json.loads(fetch(server, "/counts").body)


class Count:
    """How often `key` was counted inside the with block."""

    def __init__(self, server, key="closed"):
        self.server, self.key = server, key

    def __enter__(self):
        self.before = counts(self.server).get(self.key, 0)
        return self

    def __exit__(self, *exc):
        pass

    def value(self):
        return counts(self.server).get(self.key, 0) - self.before

    def expect(self, n):
        wait_until(lambda: self.value() >= n, 10, f"{n} x {self.key}", 0.05)
        assert self.value() == n


MANY = b"".join(b"%d," % i for i in range(5000))


@pytest.mark.asan_ci
@pytest.mark.parametrize(
    "kind, body",
    [
        ("list", b"onetwo"),
        ("tuple", b"onetwo"),
        ("generator", b"onetwo"),
        ("iter", b"onetwo"),
        ("map", b"onetwo"),
        ("only_iter", b"only iter"),
        ("getitem", b"getitem"),
        ("empty_list", b""),
        ("empty_tuple", b""),
        ("empty_gen", b""),
        ("empty_chunks", b"onetwo"),
        ("only_empty", b""),
        ("child", b"child"),
        ("big", b"x" * 3_000_000),
        ("many", MANY),
        ("gen_many", MANY),
        ("set", b"item"),
        ("dict", b"key"),
        ("list_child", b"child one"),
        ("closing", b"onetwo"),
    ],
)
def test_iterable(server, kind, body):
    with Client(server) as c:
        for version in ("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"):
            r = c.get(f"/iterable?v={kind}", version=version)
            assert (r.status, r.body) == (200, body)
            assert b"" not in r.chunks
        c.expect_close()


def test_bytes_iterate_as_integers_and_are_an_error(server):
    """bytes are an iterable of int: PEP 3333 has no place for them."""
    with Client(server) as c:
        c.send(request("/iterable?v=bytes"))
        data = c.expect_gone()
    assert b"whole" not in data
    assert data.startswith((b"HTTP/1.1 500", b"HTTP/1.1 200")) and not data.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("kind", ["str", "int", "none", "bytearray", "memoryview", "list"])
def test_item_that_is_not_bytes(server, kind):
    """An error in the log and close() once; nothing of the item is sent."""
    with Count(server) as closed, Client(server) as c:
        c.send(request(f"/bad_item?v={kind}&late=1"))
        data = c.expect_gone()
        assert data.startswith(b"HTTP/1.1 200") and b"good" in data
        assert not data.endswith(b"0\r\n\r\n")
        closed.expect(1)
    with Count(server) as closed:
        with Client(server) as c:
            c.send(request(f"/bad_item?v={kind}"))
            data = c.expect_gone()
        assert not data.endswith(b"0\r\n\r\n")
        closed.expect(1)


@pytest.mark.licorne_only
def test_first_item_that_is_not_bytes_is_a_500(server):
    """Nothing has left yet, so the client can still be told (gunicorn sends the head first)."""
    assert fetch(server, "/bad_item?v=str").status == 500


@pytest.mark.parametrize("kind", ["none", "int", "object"])
def test_result_that_is_no_iterable_is_a_500(server, kind):
    assert fetch(server, f"/bad_result?v={kind}").status == 500


def test_str_result_is_an_error(server):
    with Client(server) as c:
        c.send(request("/bad_result?v=str"))
        data = c.expect_gone()
    assert not data.endswith(b"0\r\n\r\n")


@pytest.mark.asan_ci
def test_close_is_called_once(server):
    with Count(server) as closed:
        assert fetch(server, "/closing").body == b"a" * 10 + b"b" * 10 + b"c" * 10
        closed.expect(1)


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_close_is_called_once_when_the_iterator_raises(server, at):
    with Count(server) as closed:
        with Client(server) as c:
            c.send(request(f"/closing?at={at}"))
            data = c.expect_gone()
        assert not data.endswith(b"0\r\n\r\n") or at == 0
        assert data.startswith(b"HTTP/1.1 500" if at == 0 else b"HTTP/1.1 200")
        closed.expect(1)
    server.wait_log("ValueError: iterator failed")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("length", ["30", "15", "45", "0", None])
def test_close_is_called_once_whatever_the_length(server, method, length):
    target = "/closing" + (f"?cl={length}" if length else "")
    with Count(server) as closed:
        with Client(server) as c:
            c.send(request(target, method, headers={"Connection": "close"}))
            try:
                c.read_response(method)
            except ConnectionEnded:
                assert length == "45"
        closed.expect(1)


@pytest.mark.parametrize("line", ["204%20No%20Content", "304%20Not%20Modified"])
def test_close_is_called_once_without_body(server, line):
    with Count(server) as closed:
        fetch(server, f"/no_body?s={line}")
        closed.expect(1)


def test_close_that_raises(server):
    """The response is complete by then; the error is logged and the worker lives."""
    with Count(server) as closed:
        r = fetch(server, "/close_raises")
        assert (r.status, r.body) == (200, b"hi")
        closed.expect(1)
    server.wait_log("ValueError: close failed")


@pytest.mark.parametrize("how", ["one", "pieces"])
def test_close_is_called_once_when_the_client_goes(server, how):
    with Count(server, "large_closed") as closed:
        c = Client(server, rcvbuf=8192)
        c.send(request(f"/large?n=30000000&how={how}&closing=1"))
        assert c.sock.recv(100)
        c.reset()
        closed.expect(1)


@pytest.mark.asan_ci
def test_chunks_leave_before_the_next_is_asked_for(serve):
    s = serve()
    with Client(s) as c:
        c.send(request("/stream_steps"))
        c.read_head()
        got = c.take(len(c.buffer))
        for step, word in (("go1", b"first"), ("go2", b"second"), (None, b"third")):
            while word not in got:
                assert c.fill(), got
                got += c.take(len(c.buffer))
            assert got.count(b"\r\n") >= 2
            if step:
                (s.dir / step).touch()
        while not got.endswith(b"0\r\n\r\n"):
            assert c.fill(), got
            got += c.take(len(c.buffer))
    assert got == b"5\r\nfirst\r\n6\r\nsecond\r\n5\r\nthird\r\n0\r\n\r\n"


@pytest.mark.asan_ci
def test_a_thread_has_one_iterable_open_at_a_time(server):
    """Thread-locals (a database connection, a translation) belong to one request until close()."""
    clients = [Client(server, rcvbuf=4096) for _ in range(30)]
    for c in clients:
        c.send(request("/overlap"), request("/overlap"))
    for c in clients:
        for r in c.read_responses(2):
            assert set(r.body.replace(b" ", b"").split(b";")) == {b"1", b""}
        c.close()
