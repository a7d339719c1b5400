"""A client that goes away, at every moment: the worker goes on, and nothing is left behind."""

import pytest
from support.rawhttp import Client, fetch, request

pytestmark = pytest.mark.asan_ci


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module()


def leave(client, how):
    client.reset() if how == "reset" else client.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_in_the_head(server, how, cut):
    before = server.fd_count()
    for _ in range(10):
        c = Client(server)
        c.send(request("/ping")[:cut])
        leave(c, how)
    assert fetch(server, "/ping").status == 200
    server.wait_fds(before)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    "target",
    [
        "/large?n=5000000&how=one",
        "/large?n=5000000&how=list",
        "/large?n=5000000&how=pieces",
        "/large?n=5000000&how=pieces&cl=1",
        "/write_big",
        "/file?n=5000000",
    ],
)
def test_in_the_response(server, how, target):
    before = server.fd_count()
    for _ in range(5):
        c = Client(server, rcvbuf=4096)
        c.send(request(target))
        assert c.sock.recv(100)
        leave(c, how)
    assert fetch(server, "/ping").status == 200
    server.wait_fds(before)
    server.check_log()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_before_reading_anything(server, how):
    for _ in range(20):
        c = Client(server)
        c.send(request("/iterable?v=many"))
        leave(c, how)
    assert fetch(server, "/ping").status == 200
    server.check_log()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_while_the_application_runs(serve, how):
    s = serve()
    c = Client(s)
    c.send(request("/long_call"))
    s.wait_for_mark("began")
    leave(c, how)
    (s.dir / "release").touch()
    assert fetch(s, "/ping").status == 200
    s.check_log()


@pytest.mark.licorne_only
def test_the_application_can_ask(serve):
    s = serve()
    c = Client(s)
    c.send(request("/disconnected"))
    assert s.wait_for_mark("began") == "True"
    c.reset()
    (s.dir / "go").touch()
    assert s.wait_for_mark("told") == "True"
    s.check_log()
