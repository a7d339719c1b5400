"""max_requests: a worker is followed while it serves, and no client notices."""

import pytest
from support.clock import wait_until
from support.load import Load
from support.rawhttp import Client, fetch
from support.server import is_running

pytestmark = pytest.mark.licorne_only  # Gunicorn closes first, and starts the successor then

SPENT = "Autorestarting worker after current request."


def replaced(s):
    return s.log().count(SPENT)


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [(), ("--threads", "4")])
def test_workers_are_replaced_under_load_without_a_lost_request(serve, options):
    s = serve("zoo:app", "--max-requests", "100", *options, workers=2)
    first = s.worker_pids()
    with Load(s.address, target="/ping", rate=400) as load:
        wait_until(lambda: replaced(s) >= 4 or load.failures, 30, "four of them spent")
        wait_until(lambda: not any(map(is_running, first)), 20, "the first two gone")
    load.check()
    wait_until(lambda: len(s.worker_pids()) >= 2, 10, "two workers")


def test_the_old_one_serves_until_its_successor_is_ready(serve):
    """One whose boot takes its time: everything in between is answered by the old one."""
    s = serve("boots_slowly:app", "--max-requests", "5")
    (old,) = s.worker_pids()
    with Client(s) as c:
        while replaced(s) == 0:
            assert c.get("/").text == str(old)
        for _ in range(3):
            assert c.get("/").text == str(old)
    wait_until(lambda: fetch(s, "/").text != str(old), 10, "the successor")


def test_jitter_adds_to_the_count_by_chance(serve):
    s = serve("zoo:app", "--max-requests", "1", "--max-requests-jitter", "100000", workers=4)
    for _ in range(20):
        fetch(s, "/ping")
    assert replaced(s) <= 1


def test_it_is_off_unless_asked_for(serve):
    s = serve()
    with Client(s) as c:
        for _ in range(300):
            c.get("/ping")
    assert replaced(s) == 0


def test_it_leaves_as_one_that_was_told_to(serve):
    s = serve("zoo:app", "--max-requests", "3")
    (old,) = s.worker_pids()
    with Client(s) as c:
        for _ in range(4):
            c.get("/ping")
    wait_until(lambda: not is_running(old), 20, "its end")
    assert "exited with code" not in s.log() and "was sent" not in s.log()
    assert f"Worker exiting (pid: {old})" in s.log()
