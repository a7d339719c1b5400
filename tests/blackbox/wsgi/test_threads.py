"""A request in the hands of a thread that the application started itself."""

import pytest
from support.rawhttp import Client, request

pytestmark = [pytest.mark.asan_ci, pytest.mark.licorne_only]  # gunicorn blocks any thread


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_read_that_would_wait_is_an_error_in_another_thread(serve, framing):
    """Nothing of the body is lost by the attempt: the call itself can read it afterwards."""
    s = serve("zoo:app", "--no-body-buffering")
    kw = {"body": b"whole body"} if framing == "length" else {"chunks": [b"whole body"]}
    data = request("/thread_reads", "POST", **kw)
    with Client(s) as c:
        c.send(data[: data.find(b"\r\n\r\n") + 4])
        assert s.wait_for_mark("raised") == "RuntimeError"
        c.send(data[data.find(b"\r\n\r\n") + 4 :])
        assert c.read_response().body == b"RuntimeError|whole body"
        c.expect_open()


def test_read_that_need_not_wait_works_in_another_thread(serve):
    s = serve()
    with Client(s) as c:
        r = c.get("/thread_reads", "POST", body=b"whole body")
        assert r.body == b"None|"  # the thread has read it all
        c.expect_open()


def test_write_that_would_wait_is_an_error_in_another_thread(serve):
    """What was written before, and by the failed call, arrives once; the call ends the answer."""
    s = serve(conf="response_memory = 10000\nresponse_file = 100000\n")
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/thread_writes"))
        error, written = s.wait_for_mark("raised").split()
        assert error == "RuntimeError"
        assert c.read_response().body == b"t" * (int(written) * 10_000) + b"end"
        c.expect_open()
