"""The life of unix sockets: made, taken over when nobody listens, removed by whose they are."""

import os
import socket
import stat

import pytest
from support.rawhttp import fetch


def bound(path, kind=socket.SOCK_STREAM):
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.bind(path)
    return sock


@pytest.mark.licorne_only
def test_one_that_is_listened_to_is_not_taken(serve):
    """gunicorn takes it, and the first server is never asked again."""
    first = serve(bind="unix")
    second = serve(bind=[first.address], start=False, expect_errors=True).spawn()
    second.wait_log(f"Connection in use: {first.address}")
    assert fetch(first, "/ping").body == b"pong"
    first.stop()
    second.wait_ready()
    assert fetch(second, "/ping").body == b"pong"
    assert os.path.exists(second.address)


@pytest.mark.licorne_only
def test_one_whose_queue_is_full_is_listened_to(serve, tmp_path):
    path = str(tmp_path / "s")
    with bound(path) as sock:
        sock.listen(0)
        clients = []
        try:
            while True:
                client = socket.socket(socket.AF_UNIX)
                clients.append(client)
                client.setblocking(False)
                client.connect(path)
        except BlockingIOError:
            s = serve(bind=[path], start=False, expect_errors=True).spawn()
            s.wait_log(f"Connection in use: {path}")
            s.kill()
        finally:
            for client in clients:
                client.close()
    assert os.path.exists(path)


@pytest.mark.licorne_only
def test_a_datagram_socket_may_be_anybodys(serve, tmp_path):
    path = str(tmp_path / "s")
    with bound(path, socket.SOCK_DGRAM):
        s = serve(bind=[path], start=False, expect_errors=True).spawn()
        s.wait_log(f"Connection in use: {path}")
        s.kill()
    assert os.path.exists(path)


def test_other_files_are_never_removed(serve, tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    s = serve(bind=[str(path)], start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert f"'{path}' is not a socket" in s.log()
    assert path.read_text() == "precious"


def test_several(serve, tmp_path):
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    s = serve(bind=paths)
    for path in paths:
        assert stat.S_ISSOCK(os.stat(path).st_mode)
        assert fetch(path, "/ping").body == b"pong"
    s.stop()
    assert os.listdir(tmp_path) == []


@pytest.mark.licorne_only
def test_a_successors_socket_in_the_same_place_stays(serve, tmp_path):
    path = str(tmp_path / "s")
    first = serve(bind=[path])
    os.unlink(path)
    second = serve(bind=[path])
    first.stop()
    assert fetch(second, "/ping").body == b"pong"
    second.stop()
    assert not os.path.exists(path)


def test_a_start_that_fails_leaves_nothing(serve, tmp_path):
    path = str(tmp_path / "s")
    s = serve("broken_import:app", bind=[path], start=False, expect_errors=True)
    assert s.run_to_exit() == 3
    assert not os.path.exists(path)


def test_a_worker_that_ends_leaves_it(serve):
    s = serve(bind="unix")
    os.kill(s.worker_pids()[0], 15)
    s.wait_log("(?s)Booting worker.*Booting worker")
    s.wait_ready()
    assert fetch(s, "/ping").body == b"pong"


def test_one_in_a_folder_that_is_not_there(serve):
    s = serve(bind=["/nosuch/s"], start=False, expect_errors=True).spawn()
    s.wait_log("connection to /nosuch/s failed")
    s.kill()
