"""A server without its terminal."""

import os
import pty
import subprocess

import pytest
from support.clock import wait_until
from support.daemons import ask, daemon
from support.rawhttp import fetch


def descriptor(pid, number):
    return os.readlink(f"/proc/{pid}/fd/{number}")


def test_the_command_ends_and_the_server_stays(tmp_path):
    log = tmp_path / "log"
    with daemon(tmp_path, "--log-file", str(log), "mechanics:app") as (done, address, pid):
        assert done.stderr == b""
        told = ask(address)
        assert told["ppid"] == pid
        assert told["sid"] == os.getsid(pid)
        assert os.getsid(pid) not in (os.getsid(0), pid), "it leads no session"
        assert told["umask"] == 0o22
        assert told["cwd"] == str(tmp_path)
        for number in range(3):
            assert descriptor(pid, number) == os.devnull
            assert descriptor(told["pid"], number) == os.devnull
        assert f"Listening at: http://127.0.0.1:{address[1]} ({pid})" in log.read_text()
    assert "Shutting down: Master" in log.read_text()
    assert os.listdir(tmp_path) == ["log"]


@pytest.mark.parametrize("is_kept", [False, True])
def test_output_is_kept_when_it_is_asked_for(tmp_path, is_kept):
    """-R is for who starts it with its output in a file."""
    out = tmp_path / "out"
    args = ["-R"] if is_kept else []
    with open(out, "wb") as file:
        opened = daemon(tmp_path, *args, "mechanics:app", stdout=file, stderr=file)
        with opened as (_, address, pid):
            fetch(address, "/print")
            assert descriptor(pid, 0) == os.devnull
            for number in (1, 2):
                assert descriptor(pid, number) == (str(out) if is_kept else os.devnull)
    text = out.read_text()
    assert ("Listening at" in text) == is_kept
    assert ("printed by the application" in text) == is_kept
    assert ("complained by the application" in text) == is_kept


def test_a_terminal_is_never_kept(tmp_path):
    leader, terminal = pty.openpty()
    try:
        opened = daemon(tmp_path, "-R", "mechanics:app", stdout=terminal, stderr=terminal)
        with opened as (_, _, pid):
            for number in (1, 2):
                assert descriptor(pid, number) == os.devnull
    finally:
        os.close(leader)
        os.close(terminal)


def test_a_unit_of_type_notify_is_warned(tmp_path):
    env = {"NOTIFY_SOCKET": "/nosuch/notify"}
    with daemon(tmp_path, "mechanics:app", env=env) as (done, _, _):
        assert b"Warning:" in done.stderr and b"daemon = True" in done.stderr


def test_one_that_a_predecessor_started_stays_where_it_is(serve):
    """A re-executed master is a daemon already."""
    s = serve("zoo:app", "--daemon", env={"GUNICORN_FD": ""})
    assert s.process.poll() is None
    assert fetch(s, "/ping").body == b"pong"


def test_a_bad_configuration_is_told_before_it_leaves(serve):
    s = serve("zoo:app", "--daemon", "--workers", "many", start=False, expect_errors=True)
    assert s.run_to_exit() == 2
    assert "invalid int value" in s.log()


def test_the_daemon_answers_signals(tmp_path):
    log = tmp_path / "log"
    with daemon(tmp_path, "--log-file", str(log), "mechanics:app") as (_, _, pid):
        subprocess.run(["kill", "-TTIN", str(pid)], check=True)
        wait_until(lambda: log.read_text().count("Booting worker") == 2, 10, "one worker more")
