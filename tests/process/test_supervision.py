"""The master and its workers as processes: slots and their index, parents, orphans, process 1."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess

import pytest
from support.clock import wait_until
from support.rawhttp import Client, ConnectionEnded, fetch, request
from support.server import children, is_running

pytestmark = pytest.mark.licorne_only


INDEXES = """
import os
place = os.environ["TEST_DIR"]
at_import = os.environ["LICORNE_WORKER_INDEX"]
with open(f"{place}/{os.getpid()}.index", "w") as f:
    f.write(at_import)
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"""


@pytest.fixture
def indexed(serve, tmp_path):
    (tmp_path / "indexed.py").write_text(INDEXES)
    return serve("indexed:app", "--chdir", tmp_path, workers=3, expect_errors=True)


def indexes(server, pids=None):
    """pid -> index of the workers that run, once all have booted."""

    def look():
        found = {p: server.dir / f"{p}.index" for p in pids or server.worker_pids()}
        return all(f.exists() and f.read_text() for f in found.values()) and found

    return {p: int(f.read_text()) for p, f in wait_until(look, 10, "indexes").items()}


def test_a_successor_has_the_index_of_who_went(indexed):
    before = indexes(indexed)
    assert sorted(before.values()) == [0, 1, 2]
    gone = next(p for p, i in before.items() if i == 1)
    os.kill(gone, signal.SIGKILL)
    wait_until(lambda: len(set(indexed.worker_pids()) - {gone}) == 3, 10, "the successor")
    assert sorted(indexes(indexed).values()) == [0, 1, 2]


def test_ttou_takes_the_oldest_and_ttin_fills_its_place(indexed):
    before = indexes(indexed)
    first = next(p for p, i in before.items() if i == 0)
    os.kill(first, signal.SIGKILL)  # so that the one with index 1 is the oldest
    wait_until(lambda: len(set(indexed.worker_pids()) - {first}) == 3, 10, "the successor")
    oldest = next(p for p, i in before.items() if i == 1)
    indexed.signal(signal.SIGTTOU)
    wait_until(lambda: not os.path.exists(f"/proc/{oldest}"), 10, "one less, and reaped")
    assert sorted(indexes(indexed).values()) == [0, 2]
    indexed.signal(signal.SIGTTIN)
    wait_until(lambda: len(indexed.worker_pids()) == 3, 10, "one more")
    assert sorted(indexes(indexed).values()) == [0, 1, 2]
    indexed.signal(signal.SIGTTIN)
    wait_until(lambda: len(indexed.worker_pids()) == 4, 10, "one more")
    assert sorted(indexes(indexed).values()) == [0, 1, 2, 3]


@pytest.mark.parametrize("options", [(), ("--threads", "4")])
def test_workers_notice_the_death_of_their_master_even_in_a_call(serve, options):
    """The call is finished first, and its client has its answer."""
    s = serve("trouble:app", *options, workers=2)
    workers = s.worker_pids()
    with Client(s) as c:
        c.send(request("/sleep?s=3"))
        wait_until(lambda: s.holds(c), 10, "the connection")
        s.process.kill()
        s.process.wait()
        try:
            assert c.read_response().status == 200
            wait_until(lambda: not any(map(is_running, workers)), 10, "end")
        finally:
            for pid in workers:
                if is_running(pid):
                    os.kill(pid, signal.SIGKILL)
            s.kill()
    assert "Parent changed, shutting down" in s.log()


def test_the_master_reaps_strangers_without_a_word(serve):
    """Process 1 of a container gets every orphan; here the master is made to, as a subreaper."""
    s = serve("zoo:app", "--log-level", "debug", preexec_fn=be_subreaper)
    before = children(s.pid)
    assert fetch(s, "/leave_orphan").body == b"left"
    s.wait_log(r"\[DEBUG\] Reaped a process that is no worker \(pid:\d+\)")
    assert children(s.pid) == before


def be_subreaper():
    PR_SET_CHILD_SUBREAPER = 36
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def unshare():
    """A command that starts another one as process 1 of a namespace of its own."""
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if not shutil.which("unshare"):
        pytest.skip("unshare is not installed")
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no namespace of processes here: {tried.stderr.strip()}")
    return words


@pytest.mark.needs_root
def test_it_serves_stops_and_reaps_as_process_1(serve):
    s = serve("zoo:app", "--log-level", "debug", launcher=tuple(unshare()), workers=2)
    s.wait_log(r"Listening at: .* \(1\)")
    assert fetch(s, "/ping").body == b"pong"
    [master] = children(s.pid)
    first = children(master)[0]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(set(children(master)) - {first}) == 2, 10, "the successor")
    assert fetch(s, "/leave_orphan").body == b"left"
    s.wait_log(r"\[DEBUG\] Reaped a process that is no worker \(pid:\d+\)")
    assert fetch(s, "/ping").body == b"pong"
    os.kill(master, signal.SIGTERM)
    assert s.wait_exit() == 0
    assert "Shutting down: Master" in s.log()


def slots(server):
    return json.loads(fetch(server, "/scoreboard").body)


def restarts(server, slot):
    return {reason: n for reason, n in slots(server)[slot]["restarts"].items() if n}


def test_restarts_are_counted_by_their_reason(serve):
    s = serve("zoo:app", "-t", 1, expect_errors=True)
    assert restarts(s, 0) == {}
    os.kill(s.worker_pids()[0], signal.SIGKILL)
    wait_until(lambda: restarts(s, 0) == {"signal": 1}, 10, "a worker that was killed")
    with contextlib.suppress(ConnectionEnded):
        fetch(s, "/end_process?code=0")
    wait_until(lambda: restarts(s, 0) == {"signal": 1, "exit": 1}, 10, "a worker that ended")
    assert fetch(s, "/busy?s=30").status == 500
    want = {"signal": 1, "exit": 1, "timeout": 1}
    wait_until(lambda: restarts(s, 0) == want, 10, "a worker that was stuck")


def test_boots_that_fail_are_counted_as_restarts(serve):
    s = serve("booting:app", workers=2, env={"BOOT": "fail"}, expect_errors=True)
    for pid in s.worker_pids():
        s.wait_for_mark(f"imported-{pid}")
    (s.dir / "go").touch()
    (s.dir / "slow").touch()
    os.kill(s.worker_pids()[0], signal.SIGKILL)
    s.wait_log("no application today")
    (s.dir / "slow").unlink()

    def both():
        return sorted(sum((list(restarts(s, slot).items()) for slot in (0, 1)), []))

    wait_until(lambda: both() == [("boot", 1), ("signal", 1)], 10, "the successor")
    assert len(s.worker_pids()) == 2


def test_a_worker_that_was_sent_away_and_comes_back_was_asked_to(serve):
    s = serve("zoo:app", workers=2)
    oldest = s.worker_pids()[0]
    s.signal(signal.SIGTTOU)
    wait_until(lambda: len(s.worker_pids()) == 1, 10, "one worker")
    assert oldest not in s.worker_pids()
    wait_until(lambda: slots(s)[0]["life"] == "empty", 10, "its slot is free")
    s.signal(signal.SIGTTIN)
    wait_until(lambda: restarts(s, 0) == {"asked": 1} and restarts(s, 1) == {}, 10, "the successor")
