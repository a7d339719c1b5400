"""USR2: another master beside this one, on the same sockets."""

import os
import re
import signal

import pytest
from support.clock import wait_until
from support.load import Load
from support.rawhttp import Client, fetch
from support.server import children, is_running

pytestmark = pytest.mark.licorne_only  # Gunicorn loses requests of kept-alive clients here


@pytest.fixture
def upgrade(serve):
    """Starts a server and a new master beside it -> (server, pid of the new master)"""
    masters = []

    def start(app="zoo:app", *args, **kw):
        s = serve(app, *args, expect_errors=True, **kw)
        masters.append(new_master(s))
        return s, masters[-1]

    yield start
    for pid in masters:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not is_running(pid), 20, "the new master's end")


def new_master(s):
    s.signal(signal.SIGUSR2)
    found = s.wait_log(rf"Listening at: \S+ \((?!{s.pid}\))(\d+)\)", 20)
    pid = int(found.group(1))
    wait_until(lambda: len(children(pid)) == s.workers, 20, "its workers")
    s.wait_log(rf"(?s)(Booting worker.*){{{2 * s.workers}}}")
    return pid


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [(), ("--threads", "4")])
def test_an_upgrade_loses_no_request(upgrade, options):
    s, new = upgrade("zoo:app", *options, workers=2)
    with Load(s.address, target="/ping") as load:
        wait_until(lambda: load.count > 50 or load.failures, 10, "requests")
        s.signal(signal.SIGTERM)
        s.process.wait(20)
        wait_until(lambda: "Master has been promoted." in s.log(), 10, "the promotion")
        before = load.count
        wait_until(lambda: load.count > before + 50 or load.failures, 10, "more requests")
    load.check()
    workers = children(new)
    os.kill(new, signal.SIGTERM)
    wait_until(lambda: not any(map(is_running, [new, *workers])), 20, "the new one's end")
    assert re.search(rf"\[{new}\] \[INFO\] Shutting down: Master\n", s.log())


def test_the_environment_says_who_is_whose(upgrade):
    s, new = upgrade()
    with open(f"/proc/{new}/environ") as f:
        env = dict(word.split("=", 1) for word in f.read().split("\0") if "=" in word)
    assert env["GUNICORN_PID"] == str(s.pid) and env["GUNICORN_FD"].isdigit()


def test_a_second_upgrade_is_refused_on_both_sides(upgrade):
    s, new = upgrade()
    s.signal(signal.SIGUSR2)
    s.wait_log("USR2 signal ignored. Child exists.")
    os.kill(new, signal.SIGUSR2)
    s.wait_log("USR2 signal ignored. Parent exists.")
    os.kill(new, signal.SIGHUP)
    s.wait_log(r"Hang up: Master\.2")


def test_a_new_master_that_ends_leaves_the_old_one_serving(upgrade):
    s, new = upgrade(bind="unix")
    os.kill(new, signal.SIGTERM)
    s.wait_log(r"Shutting down: Master\.2")
    s.wait_log(rf"The new master \(pid:{new}\) has ended \(exit code 0\); this one serves on")
    assert fetch(s, "/ping").status == 200  # the socket's file is still there
    s.stop(expect_errors=True)
    assert not os.path.exists(s.address)


def test_a_program_that_cannot_start_leaves_the_old_one_serving(serve):
    s = serve("zoo:app", start=False, conf="", expect_errors=True)
    s.start()
    (s.dir / "conf.py").write_text("1 / 0")
    s.signal(signal.SIGUSR2)
    s.wait_log(r"The new master \(pid:\d+\) has ended \(exit code 1\); this one serves on")
    assert "ZeroDivisionError" in s.log()
    assert fetch(s, "/ping").status == 200
    (s.dir / "conf.py").write_text("")
    pid = new_master(s)
    os.kill(pid, signal.SIGTERM)
    s.wait_log(rf"The new master \(pid:{pid}\) has ended")


def test_the_file_of_a_socket_passes_on_to_the_new_master(upgrade):
    s, new = upgrade(bind="unix")
    s.signal(signal.SIGTERM)
    s.process.wait(20)
    wait_until(lambda: "Master has been promoted." in s.log(), 10, "the promotion")
    with Client(s.address) as c:
        assert c.get("/ping").status == 200
    os.kill(new, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(s.address), 20, "the file's end")
