"""The pid file: whose number it holds, whom it keeps out, and who removes it."""

import os
import pathlib
import signal
import stat
import subprocess

import pytest
from licorne.errors import ConfigError
from licorne.pidfile import Pidfile
from support.clock import deadline, wait_until
from support.rawhttp import fetch
from support.server import is_running


def a_dead_pid():
    done = subprocess.Popen(["true"])
    done.wait()
    return done.pid


def title(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def test_holds_the_master_while_it_runs(serve):
    s = serve("zoo:app", "-p", "the.pid")
    path = s.dir / "the.pid"
    assert path.read_text() == f"{s.pid}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert fetch(s, "/ping").body == b"pong"
    s.stop()
    assert not path.exists()


def test_one_that_was_left_behind_is_replaced(serve):
    s = serve("zoo:app", "--pid", "the.pid", start=False)
    path = s.dir / "the.pid"
    path.write_text(f"{a_dead_pid()}\n")
    s.start()
    assert path.read_text() == f"{s.pid}\n"


@pytest.mark.parametrize("text", ["", "no number\n", "0\n", "-1\n", "99999999999999999999\n"])
def test_one_without_a_process_is_replaced(serve, text):
    s = serve("zoo:app", "--pid", "the.pid", start=False)
    path = s.dir / "the.pid"
    path.write_text(text)
    s.start()
    assert path.read_text() == f"{s.pid}\n"


def test_a_second_instance_is_refused_and_leaves_the_file_alone(serve):
    s = serve("zoo:app", "-p", "the.pid")
    path = s.dir / "the.pid"
    second = serve("zoo:app", "-p", str(path), start=False, expect_errors=True)
    assert second.run_to_exit() == 1
    assert f"Error: Already running on PID {s.pid} (or pid file '{path}' is stale)" in second.log()
    assert "Listening at" not in second.log()
    assert path.read_text() == f"{s.pid}\n"
    assert fetch(s, "/ping").body == b"pong"


def test_one_that_others_wrote_meanwhile_stays(serve):
    s = serve("zoo:app", "-p", "the.pid")
    path = s.dir / "the.pid"
    path.write_text("1\n")
    s.stop()
    assert path.read_text() == "1\n"


def test_it_goes_when_the_start_fails(serve):
    s = serve("broken_import:app", "-p", "the.pid", start=False, expect_errors=True)
    assert s.run_to_exit() == 3
    assert not (s.dir / "the.pid").exists()


def test_a_folder_that_is_not_there(serve):
    s = serve("zoo:app", "-p", "/nosuch/the.pid", start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert "Error: /nosuch doesn't exist. Can't create pidfile." in s.log()


def test_workers_that_end_leave_it(serve):
    s = serve("zoo:app", "-p", "the.pid")
    worker = s.worker_pids()[0]
    os.kill(worker, 15)
    wait_until(lambda: not is_running(worker), 10, "the worker's end")
    s.wait_log("(?s)Booting worker.*Booting worker")
    assert (s.dir / "the.pid").read_text() == f"{s.pid}\n"


def test_an_upgrade_has_a_file_of_its_own_until_it_is_alone(serve):
    s = serve("zoo:app", "-p", "the.pid", bind="unix")
    first, second = s.dir / "the.pid", s.dir / "the.pid.2"
    s.signal(signal.SIGUSR2)
    wait_until(second.exists, 10, "the new master")
    new = int(second.read_text())
    assert first.read_text() == f"{s.pid}\n" and title(new) == "licorne: master [zoo:app.2]"
    s.wait_log("(?s)(Booting worker.*){2}")
    try:
        s.signal(signal.SIGTERM)
        assert s.process.wait(deadline(10)) == 0
        wait_until(lambda: first.exists() and first.read_text() == f"{new}\n", 10, "promotion")
        assert not second.exists() and title(new) == "licorne: master [zoo:app]"
        assert fetch(s, "/ping").body == b"pong"
    finally:
        os.kill(new, signal.SIGTERM)
    wait_until(lambda: not is_running(new), 10, "the new master's end")
    assert not first.exists() and not os.path.exists(s.address)


def test_a_reload_may_change_it(serve):
    s = serve("zoo:app", conf="pidfile = 'a.pid'\nproc_name = 'a'\n")
    (s.dir / "conf.py").write_text("pidfile = 'b.pid'\nproc_name = 'b'\n")
    s.signal(signal.SIGHUP)
    wait_until((s.dir / "b.pid").exists, 10, "the new file")
    wait_until(lambda: not (s.dir / "a.pid").exists(), 10, "the old file's end")
    assert title(s.pid) == "licorne: master [b]"


# The class alone, as an upgrade uses it.


def test_a_rename_moves_the_number(tmp_path):
    old, new = tmp_path / "a.2", tmp_path / "a"
    file = Pidfile(str(old))
    file.create(os.getpid())
    file.rename(str(new))
    assert not old.exists() and new.read_text() == f"{os.getpid()}\n"
    file.unlink()
    assert not new.exists()
    file.unlink()


def test_our_own_number_keeps_nobody_out(tmp_path):
    """In a container that starts anew, the server may have the number that it had before."""
    path = tmp_path / "a"
    path.write_text(f"{os.getpid()}\n")
    Pidfile(str(path)).create(os.getpid())
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_process_of_another_user_runs_too(tmp_path):
    path = tmp_path / "a"
    path.write_text(f"{os.getppid()}\n")
    with pytest.raises(ConfigError, match="Already running on PID"):
        Pidfile(str(path)).create(os.getpid())
    assert os.listdir(tmp_path) == ["a"]
