"""The server answers at all: what every other test takes for granted."""

import pytest
from support.rawhttp import Client, request


@pytest.mark.asan_ci
def test_answers(serve):
    s = serve()
    with Client(s) as c:
        r = c.get("/ping")
        assert (r.status, r.body) == (200, b"pong")
        c.send_bytewise(request("/ping"))
        assert c.read_response().body == b"pong"
    assert len(s.worker_pids()) == 1


@pytest.mark.parametrize("bind", ["unix", "ipv6"])
def test_answers_on_other_sockets(serve, bind):
    s = serve(bind=bind)
    with Client(s) as c:
        assert c.get("/ping").body == b"pong"
