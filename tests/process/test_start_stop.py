"""A server's life as an operator sees it: what it says, what signals do, what it leaves behind."""

import os
import re
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch, request
from support.server import is_running, sanitizing

STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]"


@pytest.mark.asan_ci
def test_messages_of_a_whole_life(serve, under_licorne):
    s = serve()
    worker = s.worker_pids()[0]
    s.stop()
    name = "licorne" if under_licorne else "gunicorn"
    expected = [
        rf"{STAMP} \[{s.pid}\] \[INFO\] Starting {name} \d+\.\d+\.\d+",
        rf"{STAMP} \[{s.pid}\] \[INFO\] Listening at: http://127\.0\.0\.1:{s.port} \({s.pid}\)",
        rf"{STAMP} \[{s.pid}\] \[INFO\] Using worker: \w+",
        rf"{STAMP} \[{worker}\] \[INFO\] Booting worker with pid: {worker}",
        rf"{STAMP} \[{s.pid}\] \[INFO\] Handling signal: term",
        rf"{STAMP} \[{worker}\] \[INFO\] Worker exiting \(pid: {worker}\)",
        rf"{STAMP} \[{s.pid}\] \[INFO\] Shutting down: Master",
    ]
    if under_licorne:  # the tests start gunicorn without one
        place = re.escape(str(s.dir / "gunicorn.ctl"))
        expected.insert(3, rf"{STAMP} \[{s.pid}\] \[INFO\] Control socket listening at {place}")
    lines = [line for line in s.log().splitlines() if "PROBE" not in line]
    assert len(lines) == len(expected), lines
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)
    assert s.out() == ""


@pytest.mark.asan_ci
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_signals_that_stop(serve, number):
    s = serve(workers=2)
    workers = s.worker_pids()
    assert len(workers) == 2
    s.signal(number)
    assert s.wait_exit() == 0
    assert not any(map(is_running, workers))
    assert f"Handling signal: {number.name[3:].lower()}" in s.log()
    assert "Shutting down: Master" in s.log()


def test_the_port_is_free_afterwards(serve):
    s = serve()
    fetch(s, "/ping")
    s.stop()
    with pytest.raises(ConnectionRefusedError):
        Client(s)


@pytest.mark.asan_ci
def test_term_lets_a_request_in_flight_finish(serve):
    s = serve()
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        s.signal(signal.SIGTERM)
        s.wait_log("Handling signal: term")
        (s.dir / "release").touch()
        r = c.read_response()
        assert (r.status, r.body) == (200, b"done")
        assert s.wait_exit() == 0


@pytest.mark.licorne_only
def test_term_lets_a_slow_reader_finish(serve):
    """The response is complete for the application, but not yet for the client."""
    s = serve()
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/large?n=5000000"))
        c.read_head()
        s.signal(signal.SIGTERM)
        s.wait_log("Handling signal: term")
        assert len(c.read_exactly(5_000_000)) == 5_000_000
    assert s.wait_exit() == 0


@pytest.mark.licorne_only
def test_term_lets_a_body_on_its_way_arrive(serve):
    s = serve()
    with Client(s) as c:
        data = request("/echo", "POST", body=b"x" * 1000)
        c.send(data[:-10])
        fetch(s, "/ping")
        s.signal(signal.SIGTERM)
        s.wait_log("Handling signal: term")
        c.send(data[-10:])
        r = c.read_response()
        assert r.body == b"x" * 1000 and r.header("Connection") == "close"
        assert s.wait_exit() == 0


def test_term_does_not_wait_for_idle_connections(serve):
    s = serve()
    with Client(s) as c:
        c.get("/ping")
        s.signal(signal.SIGTERM)
        began = time.monotonic()
        assert s.wait_exit() == 0
        assert time.monotonic() - began < deadline(6)


def test_graceful_timeout_ends_the_wait(serve):
    s = serve("zoo:app", "--graceful-timeout", "1", expect_errors=True)
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        s.signal(signal.SIGTERM)
        assert s.wait_exit(10) == 0
        c.expect_gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_quick_stop_does_not_wait_for_clients(serve, number):
    s = serve("zoo:app", "--graceful-timeout", "2", expect_errors=True)
    with Client(s, rcvbuf=4096) as c:
        c.send(request("/large?n=30000000&how=one"))
        c.read_head()
        s.signal(number)
        assert s.wait_exit(10) == 0
        c.expect_gone()


@pytest.mark.licorne_only
@pytest.mark.asan_ci
@pytest.mark.parametrize("target", ["master", "worker"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_quick_stop_interrupts_a_call_and_blames_nobody(serve, number, target):
    """gunicorn logs the SystemExit as an error of the application, with its traceback."""
    s = serve()
    first = s.worker_pids()[0]
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        os.kill(s.pid if target == "master" else first, number)
        assert c.read_response().status == 500
    if target == "master":
        assert s.wait_exit() == 0
    else:
        s.wait_log(rf"Worker exiting \(pid: {first}\)")
        assert fetch(s, "/ping").status == 200
    assert re.search(r"\[INFO\] Interrupted, because .*: GET /long_call$", s.log(), re.M)
    for word in ("ERROR", "Traceback", "exited with code"):
        assert word not in s.log(), s.log()


def test_abort_shows_where_the_application_was(serve):
    s = serve("zoo:app", expect_errors=True, threads=0)
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        os.kill(s.worker_pids()[0], signal.SIGABRT)
        s.wait_log(r"\[ERROR\] Error handling request (GET )?/long_call\nTraceback")
        s.wait_log("SystemExit: 1")


SLOW_IMPORT = """
import os, time
open(os.environ["TEST_DIR"] + "/importing", "w").close()
end = time.monotonic() + 60
while time.monotonic() < end:
    try:
        time.sleep(1)
    except:  # what some modules do while they are imported
        pass
"""


@pytest.fixture
def booting(serve, tmp_path):
    """A server whose worker is in the midst of a long import."""
    (tmp_path / "slow_import.py").write_text(SLOW_IMPORT)
    # A session of its own, so that a terminal's Ctrl-C can be played: one for all its processes.
    s = serve("slow_import:app", "--chdir", tmp_path, start=False, preexec_fn=os.setsid)
    s.spawn()
    s.wait_for_mark("importing")
    return s


@pytest.mark.licorne_only
@pytest.mark.asan_ci
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stop_while_a_worker_boots(booting, number):
    began = time.monotonic()
    booting.signal(number)
    assert booting.wait_exit() == 0
    assert time.monotonic() - began < deadline(5)
    for word in ("ERROR", "WARNING", "Traceback", "Exception"):
        assert word not in booting.log(), booting.log()


@pytest.mark.licorne_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_worker_that_is_told_to_leave_while_it_boots(booting, number):
    first = booting.worker_pids()[0]
    (booting.dir / "importing").unlink()
    os.kill(first, number)
    booting.wait_for_mark("importing")  # the next one
    assert not is_running(first)
    assert "exited with code" not in booting.log() and "was sent" not in booting.log()
    booting.signal(signal.SIGTERM)
    assert booting.wait_exit() == 0


@pytest.mark.licorne_only
def test_ctrl_c_while_a_worker_boots(booting):
    os.killpg(booting.pid, signal.SIGINT)
    os.killpg(booting.pid, signal.SIGINT)
    assert booting.wait_exit() == 0
    assert "Traceback" not in booting.log() + booting.out()


@pytest.mark.licorne_only
@pytest.mark.parametrize("pause", [0, 0.02, 0.1])
def test_ctrl_c_again_and_again(serve, pause):
    """As a terminal sends it: to the master and to its workers, in the midst of calls."""
    s = serve(preexec_fn=os.setsid, workers=2, bind="unix")
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        for _ in range(8):
            os.killpg(s.pid, signal.SIGINT)
            time.sleep(pause)
        assert s.wait_exit() == 0
    for word in ("ERROR", "Traceback", "KeyboardInterrupt", "exited with code", "was sent"):
        assert word not in s.log() + s.out(), s.log()
    assert not os.path.exists(s.address)


@pytest.mark.asan_ci
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_lost_worker_is_replaced(serve, number):
    if number == signal.SIGSEGV and sanitizing():
        pytest.skip("a sanitizer takes the signal for a fault of the server's")
    s = serve(expect_errors=True, may_crash=number == signal.SIGSEGV)
    first = s.worker_pids()[0]
    os.kill(first, number)
    second = wait_until(lambda: [p for p in s.worker_pids() if p != first], 10, "new worker")[0]
    s.wait_log(rf"Booting worker with pid: {second}")
    assert fetch(s, "/ping").status == 200
    if number == signal.SIGKILL:
        s.wait_log(rf"\[ERROR\] Worker \(pid:{first}\) was sent SIGKILL!")
    if number == signal.SIGSEGV:
        s.wait_log(rf"\[WARNING\] Worker \(pid:{first}\) was sent SIGSEGV!")


def test_clients_survive_the_loss_of_a_worker(serve):
    """The listener is the master's: connections wait in it until the next worker is there."""
    s = serve()
    for _ in range(5):
        os.kill(s.worker_pids()[0], signal.SIGKILL)
        assert fetch(s, "/ping").status == 200
        wait_until(lambda: len(s.worker_pids()) == 1, 10, "one worker")


def test_workers_end_when_the_master_is_killed(serve):
    s = serve(workers=2)
    workers = s.worker_pids()
    s.process.kill()
    s.process.wait()
    try:
        wait_until(lambda: not any(map(is_running, workers)), 10, "end")
    finally:
        s.kill()


def test_each_of_several_workers_serves(serve):
    s = serve(workers=3)
    workers = s.worker_pids()
    assert len(workers) == 3
    assert all(os.stat(f"/proc/{p}") for p in workers)
    for _ in range(20):
        assert fetch(s, "/ping").status == 200


def test_no_workers_at_first(serve):
    s = serve("zoo:app", "--log-level", "debug", start=False, workers=0)
    s.spawn()
    s.wait_log("Arbiter booted")
    assert s.worker_pids() == []
    s.signal(signal.SIGTTIN)
    s.wait_ready()
    assert len(s.worker_pids()) == 1


def test_preload(serve):
    s = serve("zoo:app", "--preload", workers=2)
    assert fetch(s, "/ping").status == 200
    assert "zoo" in s.command_line()[-1]


@pytest.mark.parametrize(
    "word, body",
    [
        ("shapes:app", b"app"),
        ("shapes:application", b"app"),
        ("shapes", b"app"),
        ("shapes:make()", b"made"),
        ("shapes:make('x', 3)", b"xxx"),
        ("shapes:make(word='y', a='z')", b"yz"),
        ("shapes:instance", b"app"),
    ],
)
def test_shapes_of_applications(serve, word, body):
    assert fetch(serve(word), "/").body == body


def test_chdir_and_pythonpath(serve, tmp_path):
    (tmp_path / "here.py").write_text(
        "import os\nfrom shapes import make\napp = make(os.getcwd())\n"
    )
    s = serve("here:app", "--chdir", str(tmp_path))
    assert fetch(s, "/").text == str(tmp_path)
    s = serve("here:app", "--pythonpath", str(tmp_path))
    assert fetch(s, "/").status == 200


def test_configuration_file_and_its_precedence(serve):
    s = serve(None, "--keep-alive", "75", conf="wsgi_app = 'shapes:app'\nworkers = 3\n", workers=2)
    assert fetch(s, "/").body == b"app"
    assert len(s.worker_pids()) == 2


def test_log_level(serve):
    s = serve("zoo:app", "--log-level", "error", start=False)
    s.spawn()
    s.wait_ready()
    fetch(s, "/ping")
    s.stop()
    assert s.log() == ""
