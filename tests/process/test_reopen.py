"""USR1 after log rotation: the file of the old name is made anew, and everybody writes to it."""

import os
import signal

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch, request


def descriptor_of(pid, path):
    """The number under which a process has a file open, or None."""
    folder = f"/proc/{pid}/fd"
    for number in os.listdir(folder):
        try:
            if os.readlink(f"{folder}/{number}") == str(path):
                return int(number)
        except FileNotFoundError:
            continue
    return None


def start(serve, flag, **kw):
    """A server that logs into a file, and that file."""
    s = serve(start=False, expect_errors=True, **kw)
    log = s.dir / "error.log"
    s.args = (flag, str(log))
    s.spawn()
    s.wait_ready()
    wait_until(lambda: log.read_text().count("Booting worker") == s.workers, 10, "boot")
    return s, log


def rotate(log):
    old = log.with_suffix(".1")
    log.rename(old)
    return old


@pytest.mark.asan_ci
@pytest.mark.parametrize("flag", ["--error-logfile", "--log-file"])
def test_usr1_reopens_the_file_in_every_process(serve, flag):
    s, log = start(serve, flag, workers=2)
    pids = [s.pid, *s.worker_pids()]
    old = rotate(log)
    s.signal(signal.SIGUSR1)
    wait_until(lambda: all(descriptor_of(p, log) for p in pids), 10, "the new file everywhere")
    assert not any(descriptor_of(p, old) for p in pids)
    assert [s.pid, *s.worker_pids()] == pids
    size = old.stat().st_size
    fetch(s, "/raises")
    with Client(s) as c:
        c.send(b"BAD\r\n\r\n").expect_gone()
    wait_until(
        lambda: "Invalid HTTP request line: 'BAD'" in log.read_text(), 10, "the engine's line"
    )
    assert "ValueError: raised before anything" in log.read_text()
    assert old.stat().st_size == size
    s.stop(expect_errors=True)
    assert "Shutting down: Master" in log.read_text()


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # the C engine writes to the number; gunicorn knows only the stream
def test_usr1_keeps_the_number_of_the_descriptor(serve):
    """Connections are open meanwhile: a number set free would be the next one's."""
    s, log = start(serve, "--error-logfile")
    pids = [s.pid, *s.worker_pids()]
    before = [descriptor_of(p, log) for p in pids]
    assert all(before)
    with Client(s) as kept:
        kept.get("/ping")
        for _ in range(3):
            rotate(log)
            s.signal(signal.SIGUSR1)
            wait_until(lambda: all(descriptor_of(p, log) for p in pids), 10, "the new file")
            assert [descriptor_of(p, log) for p in pids] == before
            fetch(s, "/ping")
        kept.expect_open()


def test_usr1_during_a_call_is_heard_in_it(serve):
    s, log = start(serve, "--error-logfile")
    worker = s.worker_pids()[0]
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        rotate(log)
        s.signal(signal.SIGUSR1)
        wait_until(lambda: descriptor_of(worker, log), 10, "the new file")
        (s.dir / "release").touch()
        assert c.read_response().body == b"done"
