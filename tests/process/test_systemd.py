"""Socket activation and reports to the service manager, as systemd does both."""

import os
import re
import signal
import socket
import time

import pytest
from support.clock import deadline, wait_until
from support.daemons import ask
from support.rawhttp import fetch
from support.server import is_running


class Manager:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(address)
        self.sock.settimeout(deadline(10))

    def hear(self):
        """The next message, as name: value."""
        text = self.sock.recv(4096).decode()
        return dict(line.split("=", 1) for line in text.split("\n"))

    def hear_until(self, name):
        """-> the first message with this name, and those before it"""
        before = []
        while name not in (message := self.hear()):
            before.append(message)
        return message, before


@pytest.fixture
def manager(tmp_path):
    found = Manager(str(tmp_path / "notify"))
    found.env = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    yield found
    found.sock.close()


# Reports.


def test_ready_is_said_when_a_worker_serves(serve, manager, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    s = serve("waiting:app", env={**manager.env, "GATE": gate}, start=False).spawn()
    first = manager.hear()
    assert int(first["EXTEND_TIMEOUT_USEC"]) >= 30_000_000, "imports may take long"
    s.wait_log("Booting worker")
    manager.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.hear()
    manager.sock.settimeout(deadline(10))
    gate.write_text("go")
    ready = manager.hear()
    assert ready == {"READY": "1", "MAINPID": str(s.pid), "STATUS": "Serving"}
    assert fetch(s, "/").status == 200


def test_the_end_is_told(serve, manager):
    s = serve("mechanics:app", env=manager.env)
    manager.hear_until("READY")
    s.stop()
    assert manager.hear()["STOPPING"] == "1"


def test_a_server_that_cannot_boot_never_was_ready(serve, manager):
    s = serve("broken_import:app", env=manager.env, start=False, expect_errors=True)
    assert s.run_to_exit() == 3
    _, before = manager.hear_until("STOPPING")
    assert not any("READY" in message for message in before)


def test_signs_of_life_come_twice_an_interval(serve, manager):
    s = serve("mechanics:app", env={**manager.env, "WATCHDOG_USEC": "200000"})
    manager.hear_until("READY")
    begun = time.monotonic()
    for _ in range(4):
        assert manager.hear() == {"WATCHDOG": "1"}
    assert 0.3 < time.monotonic() - begun < deadline(3)
    os.kill(s.pid, signal.SIGSTOP)
    manager.sock.settimeout(0.5)
    try:
        with pytest.raises(TimeoutError):
            for _ in range(5):
                manager.hear()
    finally:
        os.kill(s.pid, signal.SIGCONT)
    manager.sock.settimeout(deadline(10))
    assert manager.hear() == {"WATCHDOG": "1"}


def test_a_watchdog_of_somebody_else_is_left_alone(serve, manager):
    s = serve("mechanics:app", env={**manager.env, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"})
    manager.hear_until("READY")
    assert fetch(s, "/").status == 200
    s.stop()
    assert "STOPPING" in manager.hear()


def test_a_name_without_a_file(serve):
    name = f"licorne-notify-{os.getpid()}"
    manager = Manager("\0" + name)
    s = serve("mechanics:app", env={"NOTIFY_SOCKET": "@" + name})
    assert manager.hear_until("READY")[0]["MAINPID"] == str(s.pid)
    manager.sock.close()


def test_a_manager_that_is_not_there_is_no_trouble(serve):
    s = serve("mechanics:app", env={"NOTIFY_SOCKET": "/nosuch/notify"})
    assert fetch(s, "/").status == 200
    assert "The service manager at /nosuch/notify cannot be told" in s.log()


def test_a_reload_is_told_and_its_end(serve, manager):
    s = serve("mechanics:app", env=manager.env)
    manager.hear_until("READY")
    s.signal(signal.SIGHUP)
    begun = manager.hear()
    now = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
    assert begun["RELOADING"] == "1"
    assert 0 <= now - int(begun["MONOTONIC_USEC"]) < deadline(20) * 1e6
    assert manager.hear()["READY"] == "1"


def test_a_reload_that_fails_ends_too(serve, manager):
    s = serve("mechanics:app", env=manager.env, conf="workers = 1\n", expect_errors=True)
    manager.hear_until("READY")
    (s.dir / "conf.py").write_text("1/0\n")
    s.signal(signal.SIGHUP)
    assert manager.hear()["RELOADING"] == "1"
    assert manager.hear()["READY"] == "1"
    assert "Reload failed" in s.log()


def test_after_an_upgrade_the_new_master_is_the_service(serve, manager):
    s = serve("mechanics:app", "-p", "the.pid", env=manager.env)
    manager.hear_until("READY")
    s.signal(signal.SIGUSR2)
    second = s.dir / "the.pid.2"
    wait_until(second.exists, 10, "the new master")
    new = int(second.read_text())
    s.wait_log("(?s)(Booting worker.*){2}")
    try:
        s.signal(signal.SIGTERM)
        assert manager.hear() == {"MAINPID": str(new), "STATUS": "Serving"}
        assert s.process.wait(deadline(10)) == 0
        assert manager.hear() == {"READY": "1", "MAINPID": str(new), "STATUS": "Serving"}
    finally:
        os.kill(new, signal.SIGTERM)
    assert manager.hear()["STOPPING"] == "1"
    wait_until(lambda: not is_running(new), 10, "its end")


# Sockets.


def at_three(*listeners):
    """Lays listeners at descriptors 3 and on, in the child that becomes the server."""

    def lay():
        copies = [os.dup2(sock.fileno(), 100 + n) for n, sock in enumerate(listeners)]
        for n, copy in enumerate(copies):
            os.dup2(copy, 3 + n)
            os.close(copy)
        os.environ["LISTEN_PID"] = str(os.getpid())

    return lay


# The pid is known only to the process itself, as for systemd, which execs.
LAUNCHER = ("sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh")


def activated(serve, *listeners, bind=(), env=None, **kw):
    count = {"LISTEN_FDS": len(listeners), "LISTEN_FDNAMES": "web", **(env or {})}
    fds = range(3, 3 + len(listeners))
    s = serve("mechanics:app", bind=list(bind), env=count, start=False, launcher=LAUNCHER, **kw)
    s.preexec_fn, s.pass_fds = at_three(*listeners), tuple(fds)
    return s


def tcp():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(16)
    return sock


def test_one_socket(serve):
    with tcp() as sock:
        s = activated(serve, sock).spawn()
        s.addresses = [sock.getsockname()]
        s.wait_ready()
        assert ask(s)["listen"] == [], "children must not take them for theirs"
        s.wait_log(rf"Listening at: http://127\.0\.0\.1:{s.port} \({s.pid}\)")
        s.stop()


def test_several_of_several_kinds(serve, tmp_path):
    path = str(tmp_path / "web.socket")
    with tcp() as one, socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen(16)
        s = activated(serve, one, other).spawn()
        s.addresses = [one.getsockname(), path]
        for address in s.addresses:
            s.wait_ready(address)
            assert fetch(address, "/").status == 200
        s.wait_log(re.escape(f"Listening at: http://127.0.0.1:{s.port},unix:{path} "))
        s.stop()
    assert os.path.exists(path), "systemd's own, which stays"


def test_they_replace_bind(serve):
    with tcp() as sock:
        s = activated(serve, sock, bind=["ipv4"]).spawn()
        s.addresses = [sock.getsockname()]
        s.wait_ready()
        assert s.log().count("http://") == 1


def test_sockets_of_another_process_are_left_alone(serve):
    s = serve("mechanics:app", env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    assert fetch(s, "/").status == 200
    assert sorted(ask(s)["listen"]) == ["LISTEN_FDS", "LISTEN_PID"]
