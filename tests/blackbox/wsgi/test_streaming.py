"""Bodies in both directions that are longer than what waits in buffers, and a socket looked at."""

import pytest
from support.rawhttp import Client, chunk, fetch, request


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module("zoo:app", "--no-body-buffering")


@pytest.mark.asan_ci
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_body_is_read_to_its_end_after_a_look_at_the_socket(serve, framing):
    """The look lends the descriptor to the application; the engine goes on reading all the same."""
    s = serve(conf="body_buffering = False")
    with Client(s) as c:
        port = b"%d" % c.sock.getsockname()[1]
        if framing == "length":
            c.send(request("/looks_then_reads", "POST", headers={"Content-Length": 200_005}))
            c.send(b"first")
            s.wait_for_mark("first")
            for _ in range(20):
                c.send(b"r" * 10_000)
        else:
            head = request("/looks_then_reads", "POST", headers={"Transfer-Encoding": "chunked"})
            c.send(head, chunk(b"fi"), chunk(b"rst"))
            s.wait_for_mark("first")
            for _ in range(20):
                c.send(chunk(b"r" * 10_000))
            c.send(b"0\r\n\r\n")
        r = c.read_response()
        assert r.body == port + b"|first|" + b"r" * 200_000
        if r.header("Connection") == "keep-alive":
            c.expect_open()


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn's thread is held by a slow reader, and so is its sync worker
@pytest.mark.parametrize("how", ["", "&file=1"])
def test_answer_after_a_look_at_the_socket_holds_nobody_up(server, how):
    """The descriptor is in blocking mode then; a send to a full socket must not wait."""
    with Client(server, rcvbuf=4096) as c:
        c.send(request(f"/looks_then_sends?n=8000000{how}"))
        assert fetch(server, "/ping").body == b"pong"
        assert c.read_response().body == (b"f" if how else b"p") * 8_000_000
        c.expect_open()


@pytest.mark.asan_ci
def test_bytes_that_wait_go_on_while_the_application_waits_for_the_body(server):
    """A client that sends its body only when it has read what was answered so far."""
    n = 20_000_000
    with Client(server, rcvbuf=65536) as c:
        c.send(request(f"/sends_then_reads?n={n}", "POST", headers={"Content-Length": 4}))
        c.read_head()
        got = b""
        while got.count(b"s") < n:
            assert c.fill()
            got += c.take(len(c.buffer))
        c.send(b"body")
        while not got.endswith(b"4\r\nbody\r\n0\r\n\r\n"):
            assert c.fill()
            got += c.take(len(c.buffer))


@pytest.mark.licorne_only  # gunicorn's worker is in the call
def test_others_are_read_while_an_upload_is_waited_for(server):
    """Their requests wait for the one thread, but none is refused, timed out or lost."""
    with Client(server) as upload, Client(server) as other:
        other.get("/ping")
        upload.send(request("/echo", "POST", headers={"Content-Length": 8}) + b"half")
        other.send(request("/ping"))
        assert other.is_quiet(0.3)
        upload.send(b"half")
        assert upload.read_response().body == b"halfhalf"
        assert other.read_response().body == b"pong"
