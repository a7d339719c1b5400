"""boot_timeout: a worker that does not become ready."""

import os
import time

import pytest
from support.rawhttp import fetch


@pytest.fixture
def gate(tmp_path):
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


@pytest.mark.licorne_only
def test_a_first_boot_that_hangs_ends_the_server(serve, gate):
    args = ("--boot-timeout", "1")
    s = serve("waiting:app", *args, env={"GATE": gate}, start=False, expect_errors=True)
    begun = time.monotonic()
    assert s.run_to_exit() == 3
    assert time.monotonic() - begun >= 1
    log = s.log()
    assert "[CRITICAL] WORKER TIMEOUT (pid:" in log
    assert "has not become ready for 1." in log and "(boot_timeout 1.0 s)" in log
    assert 'tests/apps/waiting.py", line 5 in <module>' in log, "where it hung"
    assert "Reason: Worker failed to boot." in log


@pytest.mark.licorne_only
def test_one_that_hangs_later_is_tried_again_while_others_serve(serve, gate, tmp_path):
    args = ("--boot-timeout", "1")
    s = serve("waiting:app", *args, env={"GATE": gate}, start=False, expect_errors=True).spawn()
    gate.write_text("go")
    s.wait_ready()
    s.signal(21)  # TTIN: one worker more, which nobody lets in
    s.wait_log("has not become ready for")
    words = "failed to boot, at the import of the application: .*; next try in"
    s.wait_log(words + r" .* s\. It was ended after boot_timeout$")
    assert fetch(s, "/").body == b"ok"
    gate.write_text("go")
    s.wait_log("(?s)(Booting worker.*){3}")


@pytest.mark.licorne_only
def test_it_does_not_concern_who_is_ready(serve):
    s = serve("zoo:app", "--boot-timeout", "1", "--timeout", "0")
    worker = s.worker_pids()
    time.sleep(1.3)
    assert fetch(s, "/ping").body == b"pong"
    assert s.worker_pids() == worker
