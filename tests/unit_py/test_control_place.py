"""Where the control socket is, and whose file it is."""

import _socket
import os
import socket
import stat

import pytest
from licorne.config.loader import load
from licorne.ctl import place as places
from licorne.ctl import serve as serving
from licorne.ctl.place import ControlSocket, beside, default_path
from support.clock import wait_until


class Log:
    def __init__(self):
        self.lines = []

    def __getattr__(self, level):
        return lambda text, *args: self.lines.append(f"{level} {text % args}")


@pytest.fixture
def opened():
    """ControlSocket, whose descriptors are closed in the end."""
    made = []

    def make(*args):
        made.append(ControlSocket(*args))
        return made[-1]

    yield make
    for one in made:
        if one.fd >= 0:
            os.close(one.fd)


def end(one):
    """As when its process dies."""
    os.close(one.fd)
    one.fd = -1


def control(environ=None, argv=""):
    log = Log()
    return serving.Control(load(argv.split(), environ or {})[0], log, environ or {}), log


@pytest.mark.parametrize(
    "environ, path",
    [
        ({"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/h"}, "/run/user/7/gunicorn.ctl"),
        ({"HOME": "/h"}, "/h/.gunicorn/gunicorn.ctl"),
        ({"XDG_RUNTIME_DIR": "", "HOME": "/h"}, "/h/.gunicorn/gunicorn.ctl"),
    ],
)
def test_default_path(environ, path):
    assert default_path(environ) == path


def test_without_home_the_password_file_tells(monkeypatch):
    monkeypatch.setattr(places, "_home", lambda: "/of/user")
    assert default_path({}) == "/of/user/.gunicorn/gunicorn.ctl"
    monkeypatch.setattr(places, "_home", lambda: None)
    assert default_path({}) is None


def test_the_number_stands_before_the_ending():
    assert beside("/run/a.b/gunicorn.ctl", 7) == "/run/a.b/gunicorn.7.ctl"
    assert beside("/run/a.b/name", 7) == "/run/a.b/name.7"


def test_nobody_but_its_owner_gets_in_from_the_first_moment(place, opened, monkeypatch):
    seen = []

    class Watched(_socket.socket):
        def bind(self, path):
            super().bind(path)
            seen.append(stat.S_IMODE(os.stat(path).st_mode))

    monkeypatch.setattr(_socket, "socket", Watched)
    old_mask = os.umask(0)
    try:
        one = opened("new/x.ctl", 0o600)
    finally:
        assert os.umask(old_mask) == 0
    assert seen == [0o600] and stat.S_IMODE(os.stat("new").st_mode) == 0o700
    assert one.path == str(place / "new" / "x.ctl") and one.rival is None
    assert not os.get_inheritable(one.fd)


def test_a_live_one_keeps_its_name_and_a_dead_one_loses_it(place, opened):
    first = opened("x.ctl", 0o600)
    second = opened("x.ctl", 0o600)
    assert second.path == beside(first.path, os.getpid())
    assert second.rival == os.getpid()
    assert not second.take_name()
    end(first)
    assert second.take_name()
    assert second.path == first.path and os.listdir() == ["x.ctl"]
    first.remove()
    assert os.listdir() == ["x.ctl"]
    second.remove()
    assert os.listdir() == []


def test_one_whose_queue_is_full_is_alive(place, opened, monkeypatch):
    monkeypatch.setattr(places, "BACKLOG", 0)
    first = opened("x.ctl", 0o600)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for client in waiting:
        client.setblocking(False)
        try:
            client.connect(first.path)
        except BlockingIOError:
            break
    second = opened("x.ctl", 0o600)
    assert second.path != first.path and second.rival == 0
    for client in waiting:
        client.close()


def test_the_name_is_looked_at_under_a_lock(place, opened):
    """Two that start at once: the one that comes second sees the first one's socket."""
    import threading

    fd = os.open(".", os.O_RDONLY)
    import fcntl

    fcntl.flock(fd, fcntl.LOCK_EX)
    made = []
    thread = threading.Thread(target=lambda: made.append(opened("x.ctl", 0o600)))
    thread.start()
    assert not os.path.exists("x.ctl")
    thread.join(0.1)
    assert not made
    os.close(fd)
    thread.join(5)
    wait_until(lambda: made, 5, "it has its name")


def test_a_successor_with_the_same_inode_is_told_from_us(place, opened):
    first = opened("x.ctl", 0o600)
    number = os.stat("x.ctl").st_ino
    end(first)
    for _ in range(50):
        second = opened("x.ctl", 0o600)  # replaces what is left
        if os.stat("x.ctl").st_ino == number:
            break
        end(second)
    else:
        pytest.skip("this file system does not use numbers again")
    first.remove()
    assert os.path.exists("x.ctl")
    second.remove()
    assert not os.path.exists("x.ctl")


def test_another_kind_of_file_is_left_alone(place, opened):
    (place / "x.ctl").write_text("precious")
    with pytest.raises(FileExistsError, match="not a socket"):
        opened("x.ctl", 0o600)
    assert (place / "x.ctl").read_text() == "precious"


def test_a_default_that_cannot_be_had_is_told_at_debug_level_alone(place):
    one, log = control({"HOME": "/proc/no/such"})
    assert one.for_engine() is None and one.close() is None
    assert len(log.lines) == 1 and log.lines[0].startswith("debug No control socket at /proc/no")
    one, log = control(argv="--control-socket /proc/no/such")
    assert one.for_engine() is None
    assert len(log.lines) == 1 and log.lines[0].startswith("error No control socket at /proc/no")
    one, log = control({"HOME": "/proc/no/such"}, "--no-control-socket")
    assert one.for_engine() is None and log.lines == []


def test_who_comes_after_usr2_waits_for_the_name(place, opened, monkeypatch):
    monkeypatch.setattr(os, "getppid", os.getpid)  # the server that answers is our parent
    first = opened("gunicorn.ctl", 0o600)
    environ = {"XDG_RUNTIME_DIR": str(place), "GUNICORN_PID": str(os.getpid())}
    one, log = control(environ)
    fd, is_shared, heir_of = one.for_engine()
    assert (is_shared, heir_of) == (False, os.getpid())
    assert one.inherit() is False
    end(first)
    assert one.inherit() is True
    assert log.lines[-1] == f"info Control socket listening at {place}/gunicorn.ctl"
    os.close(fd)
    one.close()
    assert os.listdir() == []


def test_who_comes_after_usr2_does_not_wait_for_ever(place, opened, monkeypatch):
    monkeypatch.setattr(os, "getppid", os.getpid)
    opened("gunicorn.ctl", 0o600)
    one, _ = control({"XDG_RUNTIME_DIR": str(place), "GUNICORN_PID": str(os.getpid())})
    answers = [one.inherit() for _ in range(serving.INHERIT_TRIES)]
    assert answers == [False] * (serving.INHERIT_TRIES - 1) + [True]
    os.close(one.socket.fd)


# With the variable: it came from a server further up, which is not the one that answers, or no parent.
@pytest.mark.parametrize(
    "variable", [{}, {"GUNICORN_PID": "1"}, {"GUNICORN_PID": str(os.getpid())}]
)
def test_a_second_server_of_the_same_user_inherits_nothing(place, opened, variable):
    opened("gunicorn.ctl", 0o600)
    environ = {"XDG_RUNTIME_DIR": str(place), **variable}
    one, log = control(environ, "--control-socket-mode 0660")
    fd, is_shared, heir_of = one.for_engine()
    assert (is_shared, heir_of) == (True, 0)
    assert log.lines[0].endswith(f"(pid {os.getpid()} answers at {place}/gunicorn.ctl)")
    os.close(fd)
