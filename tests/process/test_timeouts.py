"""Workers that do not come back: found by their timeout, reported with their stacks, ended, replaced."""

import os
import re
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, ConnectionEnded, fetch, request

# Gunicorn has the same timeout; the record, and what holds the GIL, are Licorne's alone.
pytestmark = pytest.mark.licorne_only

HOOK = """
def worker_abort(worker):
    worker.log.info("hook: %s index %s of %s", worker.pid, worker.index, worker.cfg.workers)
"""


def start(serve, *args, timeout=1, **kw):
    kw.setdefault("conf", HOOK)
    return serve("trouble:app", "-t", timeout, *args, expect_errors=True, **kw)


def record(server, pid):
    """The one ERROR record about a stuck worker."""
    found = server.wait_log(rf"\[ERROR\] Worker \(pid:{pid}, index \d\) has (not come back|given)")
    return server.log()[found.start() :].split("\n[", 1)[0]


def told(server, pid):
    server.wait_log(rf"\[CRITICAL\] WORKER TIMEOUT \(pid:{pid}\)")
    return record(server, pid)


def expect_end(client):
    with pytest.raises((ConnectionEnded, ConnectionResetError)):
        client.read_response()


def pid_of(server):
    return int(fetch(server, "/").text.split()[0])


@pytest.mark.parametrize("options", [(), ("--no-inline",)])
def test_a_call_that_python_can_end_is_answered_with_500(serve, options):
    s = start(serve, *options)
    pid = pid_of(s)
    began = time.monotonic()
    with Client(s) as c:
        c.send(request("/sleep?s=60"))
        r = c.read_response()
        assert r.status == 500
    assert 0.9 < time.monotonic() - began < deadline(2)
    text = told(s, pid)
    assert re.search(
        r"a call for 1\.\d s \(timeout 1\.0 s\), inside:\n  GET /sleep\?s=60 from ", text
    )
    assert re.search(r"from 127\.0\.0\.1, for 1\.\d s \(thread \d+\)\n", text)
    assert re.search(r"trouble\.py\", line \d+ in app$", text, re.M)
    s.wait_log(rf"\[INFO\] hook: {pid} index 0 of 1$")
    s.wait_log(r"\[ERROR\] Error handling request GET /sleep\?s=60\nTraceback")
    s.wait_log(rf"Worker \(pid:{pid}\) exited with code 1\.")
    assert pid_of(s) != pid
    assert "memory" not in s.log()


def test_a_loop_in_python_is_ended_too(serve):
    s = start(serve)
    pid = pid_of(s)
    assert fetch(s, "/loop").status == 500
    assert "in compute_in_python" in told(s, pid)


@pytest.mark.parametrize("options", [(), ("--threads", "4"), ("--no-inline",)])
def test_a_call_in_c_that_keeps_the_gil_shows_its_stack_and_is_killed(serve, options):
    s = start(serve, *options)
    pid = pid_of(s)
    with Client(s) as c:
        c.send(request("/gil"))
        expect_end(c)
    text = told(s, pid)
    assert "GET /gil from 127.0.0.1" in text
    assert "in wait_in_c_with_the_gil" in text
    s.wait_log(rf"Worker \(pid:{pid}\) was sent SIGKILL!$")
    assert pid_of(s) != pid
    assert "memory" not in s.log() and "hook:" not in s.log()


@pytest.mark.parametrize("options", [(), ("--threads", "4"), ("--no-inline",)])
@pytest.mark.parametrize("path", ["/stop", None])
def test_a_stopped_worker_is_killed_under_every_class(serve, options, path):
    """In a call, or idle: nobody steps its engine."""
    s = start(serve, *options)
    pid = pid_of(s)
    if path:
        with Client(s) as c:
            c.send(request(path))
            expect_end(c)
    else:
        os.kill(pid, signal.SIGSTOP)
    text = told(s, pid)
    assert "the process is stopped" in text and "Its stacks could not be had" in text
    assert ("GET /stop" in text) is bool(path)
    s.wait_log(rf"Worker \(pid:{pid}\) was sent SIGKILL!$")
    assert pid_of(s) != pid


def test_a_call_that_swallows_its_end_is_killed(serve):
    s = start(serve)
    pid = pid_of(s)
    with Client(s) as c:
        c.send(request("/swallow"))
        expect_end(c)
    assert (s.dir / "swallowed").exists()
    assert "in sleep_and_swallow" in told(s, pid)
    s.wait_log(rf"Worker \(pid:{pid}\) was sent SIGKILL!$")


def test_long_calls_of_a_pool_are_no_trouble(serve):
    """Not one, and not as many as there are threads."""
    s = start(serve, "--threads", "2")
    pid = pid_of(s)
    clients = [Client(s) for _ in range(2)]
    for c in clients:
        c.send(request("/sleep?s=3.5"))
    for c in clients:
        assert int(c.read_response().body.split()[0]) == pid
        c.close()
    assert "WORKER TIMEOUT" not in s.log()


def test_an_idle_worker_and_short_calls_are_no_trouble(serve):
    s = start(serve)
    pid = pid_of(s)
    end = time.monotonic() + 3
    with Client(s) as c:
        while time.monotonic() < end:
            assert int(c.get("/sleep?s=0.3").body.split()[0]) == pid
        time.sleep(1.5)
        assert int(c.get("/").body.split()[0]) == pid
    assert "WORKER TIMEOUT" not in s.log()


def test_without_a_timeout_a_call_may_take_any_time(serve):
    s = start(serve, timeout=0)
    pid = pid_of(s)
    assert int(fetch(s, "/sleep?s=2.5").text.split()[0]) == pid
    assert "WORKER TIMEOUT" not in s.log()


def test_a_boot_may_take_longer_than_the_timeout(serve, tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(3)\nfrom trouble import app\n")
    s = serve("slow:app", "-t", 1, "--chdir", tmp_path)
    assert fetch(s, "/").status == 200
    assert s.log().count("Booting worker") == 1


def test_a_pause_of_the_whole_machine_is_nobodys_fault(serve):
    """The master runs first afterwards, and finds beats that are old."""
    s = start(serve, workers=2, preexec_fn=os.setsid)
    pids = s.worker_pids()
    os.killpg(s.pid, signal.SIGSTOP)
    time.sleep(4)
    s.signal(signal.SIGCONT)
    time.sleep(0.3)
    os.killpg(s.pid, signal.SIGCONT)
    time.sleep(2.5)
    assert s.worker_pids() == pids
    assert "WORKER TIMEOUT" not in s.log()


def test_exit_functions_may_take_longer_than_the_timeout(serve, tmp_path):
    (tmp_path / "slow_end.py").write_text(
        "import atexit, os, time\n"
        "from trouble import app\n"
        "def end():\n"
        "    time.sleep(3)\n"
        "    open(os.environ['TEST_DIR'] + '/ended', 'w').close()\n"
        "atexit.register(end)\n"
    )
    s = serve("slow_end:app", "-t", 1, "--chdir", tmp_path, expect_errors=True)
    os.kill(s.worker_pids()[0], signal.SIGTERM)
    s.wait_for_mark("ended")
    assert "WORKER TIMEOUT" not in s.log()


def test_a_hook_that_fails_changes_nothing(serve):
    s = start(serve, conf="def worker_abort(worker):\n    raise KeyError('of the hook')\n")
    assert fetch(s, "/sleep?s=60").status == 500
    s.wait_log(r"\[ERROR\] Exception in worker_abort hook\nTraceback")
    s.wait_log(r"exited with code 1\.")


def test_the_other_worker_serves_on(serve):
    s = start(serve, workers=2)
    with Client(s) as c:
        c.send(request("/gil"))
        began = time.monotonic()
        answers = 0
        while "was sent SIGKILL" not in s.log() and time.monotonic() < began + deadline(10):
            assert fetch(s, "/").status == 200
            answers += 1
        expect_end(c)
    assert answers > 10
    wait_until(lambda: len(s.worker_pids()) == 2, 10, "two workers")


@pytest.mark.parametrize("value, words", [("3", "not callable"), ("lambda: 0", "an arity of: 1")])
def test_a_hook_that_cannot_be_called_is_refused(serve, value, words):
    s = serve("trouble:app", conf=f"worker_abort = {value}\n", start=False)
    assert s.run_to_exit() == 1
    assert words in s.log()
