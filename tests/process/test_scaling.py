"""TTIN, TTOU and WINCH while clients keep asking."""

import signal

import pytest
from support.clock import wait_until
from support.load import Load

pytestmark = pytest.mark.licorne_only  # Gunicorn loses requests of kept-alive clients here


def workers(s, n):
    """Waits until there are so many, and each has begun."""

    def look():
        pids = s.worker_pids()
        return len(pids) == n and all(f"Booting worker with pid: {p}\n" in s.log() for p in pids)

    wait_until(look, 20, f"{n} workers")


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [(), ("--threads", "4")])
def test_workers_come_and_go_without_a_lost_request(serve, options):
    s = serve("zoo:app", *options, workers=1)
    with Load(s.address, target="/ping") as load:
        for _ in range(2):
            s.signal(signal.SIGTTIN)
            workers(s, 2)
            s.signal(signal.SIGTTOU)
            workers(s, 1)
    load.check()


def test_the_oldest_goes_and_the_last_one_stays(serve):
    s = serve()
    (first,) = s.worker_pids()
    s.signal(signal.SIGTTIN)
    workers(s, 2)
    s.signal(signal.SIGTTOU)
    workers(s, 1)
    (second,) = s.worker_pids()
    assert second != first
    s.signal(signal.SIGTTOU)
    s.wait_log(r"(?s)(Handling signal: ttou.*){2}")
    assert s.worker_pids() == [second]


def test_a_terminals_winch_does_nothing(serve):
    s = serve("zoo:app", "--log-level", "debug")
    before = s.worker_pids()
    s.signal(signal.SIGWINCH)
    s.wait_log("Handling signal: winch")
    s.wait_log("SIGWINCH ignored. Not daemonized")
    assert s.worker_pids() == before
