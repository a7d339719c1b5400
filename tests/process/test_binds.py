"""Where a server listens: several addresses at once, inherited sockets, unix sockets' life."""

import os
import socket
import stat

import pytest
from support.rawhttp import Client, fetch


@pytest.mark.asan_ci
def test_three_kinds_at_once(serve):
    s = serve(bind=["ipv4", "ipv6", "unix"])
    for address in s.addresses:
        with Client(address) as c:
            assert c.get("/ping").body == b"pong"
            assert c.get("/ping").body == b"pong"
    v4, v6, path = s.addresses
    urls = f"http://127.0.0.1:{v4[1]},http://[::1]:{v6[1]},unix:{path}"
    assert f"Listening at: {urls} ({s.pid})" in s.log()


def test_binds_from_the_file(serve, tmp_path):
    path = tmp_path / "s"
    s = serve(bind=[], conf=f"bind = ['unix:{path}']\n", start=False)
    s.addresses = []
    s.spawn()
    s.addresses = [str(path)]
    s.wait_ready()
    assert fetch(s, "/ping").body == b"pong"


@pytest.mark.asan_ci
def test_inherited_descriptor(serve):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        fd = listener.fileno()
        s = serve(bind=[f"fd://{fd}"], pass_fds=(fd,))
        s.addresses = [listener.getsockname()]
        s.wait_ready()
        assert fetch(s, "/ping").body == b"pong"
        s.wait_log(rf"Listening at: http://127\.0\.0\.1:{s.port} ")
        s.stop()


def test_inherited_unix_socket_is_not_unlinked(serve, tmp_path):
    path = str(tmp_path / "mine")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(16)
        fd = listener.fileno()
        s = serve(bind=[f"fd://{fd}"], pass_fds=(fd,))
        s.addresses = [path]
        s.wait_ready()
        assert fetch(s, "/ping").body == b"pong"


@pytest.mark.parametrize("umask, mode", [(None, 0o777), ("077", 0o700), ("0o027", 0o750)])
def test_unix_socket_permissions(serve, umask, mode):
    s = serve("zoo:app", *(["--umask", umask] if umask else []), bind="unix")
    assert stat.S_IMODE(os.stat(s.address).st_mode) == mode


@pytest.mark.asan_ci
def test_unix_socket_is_unlinked_at_the_end(serve):
    s = serve(bind="unix")
    assert fetch(s, "/ping").body == b"pong"
    assert os.path.exists(s.address)
    s.stop()
    assert not os.path.exists(s.address)


def test_stale_unix_socket_is_replaced(serve):
    s = serve(bind="unix", start=False)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(s.address)
    stale.close()
    s.start()
    assert fetch(s, "/ping").body == b"pong"


@pytest.mark.licorne_only
def test_abstract_unix_socket(serve):
    """gunicorn serves on one, but crashes when it stops."""
    name = f"licorne-test-{os.getpid()}"
    s = serve(bind=[], conf=f"bind = 'unix:\\0{name}'\n", start=False)
    s.addresses = []
    s.spawn()
    s.addresses = ["\0" + name]
    s.wait_ready()
    assert fetch(s, "/ping").body == b"pong"
    s.stop()


def test_port_alone_and_host_alone(serve):
    s = serve(start=False)
    port = s.port
    s.addresses = [f":{port}"]
    s.spawn()
    s.addresses = [("127.0.0.1", port)]
    s.wait_ready()
    assert fetch(s, "/ping").body == b"pong"
    s.wait_log(rf"Listening at: http://0\.0\.0\.0:{port} ")


def test_default_port_from_the_environment(serve):
    s = serve(start=False)
    port = s.port
    s.addresses, s.env = [], {"PORT": port}
    s.spawn()
    s.addresses = [("127.0.0.1", port)]
    s.wait_ready()
    assert fetch(s, "/ping").body == b"pong"


def test_listeners_are_tcp_nodelay_and_reusable(serve):
    s = serve()
    with Client(s) as c:
        c.get("/ping")
        s.stop()  # the server closes first: TIME_WAIT is on its side
    again = serve(start=False)
    again.addresses = s.addresses
    again.start()
    assert fetch(again, "/ping").body == b"pong"
