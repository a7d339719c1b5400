"""A client that goes away, at every moment: the worker goes on, and nothing is left behind."""

import pytest
from support.kinds import each_kind
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


@pytest.mark.licorne_only
@each_kind
@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
@pytest.mark.parametrize("view", ["disconnected_polled", "disconnected_midway"])
def test_the_application_learns_of_it_while_it_runs(serve, kind, view, how):
    """By a FIN, too; whether the client only ended its side nobody can know."""
    s = serve("zoo:app", *kind)
    c = Client(s)
    c.send(request(f"/{view}"))
    s.wait_for_mark("began")
    c.half_close() if how == "half_close" else leave(c, how)
    assert s.wait_for_mark("told") not in ("never", "False")
    c.close()
    assert fetch(s, "/ping").body == b"pong"
    s.check_log()


@pytest.mark.licorne_only
@each_kind
def test_the_application_learns_of_it_behind_a_streamed_body(serve, kind):
    """The body has been read to its end; the FIN behind it is seen."""
    s = serve("zoo:app", "--no-body-buffering", *kind)
    c = Client(s)
    c.send(request("/disconnected_after_body", "POST", headers={"Content-Length": 4}), b"bo")
    s.wait_for_mark("reading")
    c.send(b"dy")
    s.wait_for_mark("began")
    c.half_close()
    assert s.wait_for_mark("told") == "b'body' True"
    c.close()


@pytest.mark.licorne_only
@each_kind
def test_a_client_that_stays_is_not_told_gone(serve, kind):
    s = serve("zoo:app", *kind)
    with Client(s) as c:
        c.send(request("/disconnected"))
        s.wait_for_mark("began")
        (s.dir / "go").touch()
        assert s.wait_for_mark("told") == "False"
        assert c.read_response().body == b"x"
