"""The pid file: whose number it holds, whom it keeps out, and who removes it."""

import os
import stat
import subprocess

import pytest
from licorne.errors import ConfigError
from licorne.pidfile import Pidfile
from support.clock import wait_until
from support.rawhttp import fetch
from support.server import is_running


def a_dead_pid():
    done = subprocess.Popen(["true"])
    done.wait()
    return done.pid


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
