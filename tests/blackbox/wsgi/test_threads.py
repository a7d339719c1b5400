"""A request in the hands of a thread that the application started itself."""

import pytest
from support.rawhttp import Client, request

pytestmark = pytest.mark.asan_ci


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_another_thread_may_wait_for_the_body(serve, under_licorne, framing):
    s = serve("zoo:app", *(["--no-body-buffering"] if under_licorne else []))
    kw = {"body": b"whole body"} if framing == "length" else {"chunks": [b"whole body"]}
    data = request("/thread_reads", "POST", **kw)
    with Client(s) as c:
        c.send(data[: data.find(b"\r\n\r\n") + 4])
        s.wait_for_mark("reading")
        assert c.is_quiet()
        c.send(data[data.find(b"\r\n\r\n") + 4 :])
        assert c.read_response().body == b"None|whole body"
        c.expect_open()


def test_another_thread_may_read_a_body_that_is_here(serve):
    server = serve()
    with Client(server) as c:
        r = c.get("/thread_reads", "POST", body=b"whole body")
        assert r.body == b"None|whole body"
        c.expect_open()


def test_another_thread_may_wait_for_a_slow_reader(serve, under_licorne):
    conf = "response_memory = 10000\nresponse_file = 100000\n" if under_licorne else None
    s = serve(conf=conf)
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/thread_writes"))
        s.wait_for_mark("writing")
        assert c.read_response().body == b"t" * 10_000_000 + b"end None"
        c.expect_open()
