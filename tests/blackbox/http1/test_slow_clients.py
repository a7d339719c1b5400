"""Slow clients hold memory that is bounded, and no thread: others are served meanwhile."""

import time

import pytest
from support.clock import deadline, duration, wait_until
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.licorne_only  # gunicorn holds a thread for each of these clients


def latency(server, n=20):
    """The median time of a normal client's request."""
    times = []
    for _ in range(n):
        began = time.monotonic()
        assert fetch(server, "/ping").body == b"pong"
        times.append(time.monotonic() - began)
    return sorted(times)[n // 2]


@pytest.mark.asan_ci
@pytest.mark.parametrize("how", ["one", "list", "pieces"])
def test_readers_of_ten_megabytes_hold_nobody_up(serve, how):
    s = serve()
    readers = [Client(s, rcvbuf=4096) for _ in range(20)]
    for c in readers:
        c.send(request(f"/large?n=10000000&how={how}"))
    assert latency(s) < deadline(0.5)
    for c in readers[:3]:
        assert len(c.read_response().body) == 10_000_000
    for c in readers:
        c.close()
    assert latency(s) < deadline(0.5)


@pytest.mark.asan_ci
def test_yielded_data_waits_in_a_file_while_the_application_goes_on(serve):
    """20 MB yielded to a client that reads nothing: the application is done all the same."""
    s = serve()
    before = s.rss_kb()
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/large?n=20000000&how=pieces&cl=1"))
        s.wait_for_mark("finished", 20)
        s.check_memory(before, 16_000)
        assert fetch(s, "/ping").status == 200
        body = c.read_response().body
    assert len(body) == 20_000_000 and body == (bytes(range(256)) * 256 * 306)[:20_000_000]


def test_chunked_data_waits_in_a_file_too(serve):
    s = serve(conf="response_memory = 1000")
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/large?n=8000000&how=pieces"))
        s.wait_for_mark("finished", 20)
        assert c.read_response().body == (bytes(range(256)) * 256 * 130)[:8_000_000]
        c.expect_open()


def test_beyond_the_file_the_application_is_held(serve):
    """The application waits for the client only when memory and file are full."""
    s = serve(conf="response_memory = 10000\nresponse_file = 100000\n")
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/large?n=30000000&how=pieces&cl=1"))
        c.read_head()
        assert not (s.dir / "finished").exists()
        assert len(c.read_exactly(30_000_000)) == 30_000_000
        s.wait_for_mark("finished")
        c.expect_open()


def test_held_application_ends_when_its_client_goes(serve):
    s = serve(conf="response_memory = 10000\nresponse_file = 100000\n")
    c = Client(s, rcvbuf=4096)
    c.send(request("/large?n=30000000&how=pieces&cl=1"))
    c.read_head()
    c.reset()
    wait_until(lambda: b"large_closed" in fetch(s, "/counts").body, 10, "close()")


def test_written_data_waits_likewise(serve):
    s = serve()
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/write_big"))
        assert fetch(s, "/ping").status == 200
        assert c.read_response().body == b"w" * 65536 * 64


@pytest.mark.slow
def test_dribbled_heads_and_bodies(serve):
    """Hundreds of clients a byte at a time beside a normal one."""
    s = serve()
    alone = latency(s)
    heads = [Client(s) for _ in range(duration(300))]
    bodies = [Client(s) for _ in range(duration(50))]
    try:
        for c in heads:
            c.send(b"GET / HTTP/1.1\r\nX-A: ")
        for c in bodies:
            c.send(request("/echo", "POST", headers={"Content-Length": 100_000}))
        for _ in range(3):
            for c in heads + bodies:
                c.send(b"d")
            assert latency(s) < alone * 3 + deadline(0.05)
    finally:
        for c in heads + bodies:
            c.close()


def test_pipelined_input_is_not_read_without_bound(serve):
    """A client that sends requests and never reads the answers is stopped by back-pressure."""
    s = serve()
    before = s.rss_kb()
    with Client(s, rcvbuf=4096) as c:
        data = request("/large?n=100000") * 5000
        c.send_some(data)
        assert fetch(s, "/ping").status == 200
        s.check_memory(before, 40_000)


def test_streamed_upload_is_not_read_ahead_without_bound(serve):
    """With buffering off the engine holds little of what the application has not read."""
    s = serve(conf="body_buffering = False", expect_errors=True)
    with Client(s) as c:
        c.send(request("/begun", "POST", headers={"Content-Length": 200_000_000}))
        s.wait_for_mark("called")
        before = s.rss_kb()
        sent = c.send_some(b"x" * 100_000_000)
        assert sent < 60_000_000
        s.check_memory(before, 20_000)
        (s.dir / "go").touch()
        c.reset()
    assert fetch(s, "/ping").status == 200
