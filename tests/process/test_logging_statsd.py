"""statsd: names, values and tags of what is sent, and that nobody waits for who listens."""

import signal
import socket

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch


class Receiver(socket.socket):
    def until(self, *wanted):
        """What arrives, up to the last of these."""
        self.settimeout(deadline(10))
        found, wanted = [], set(wanted)
        while wanted:
            found.append(self.recv(4096).decode())
            wanted -= {w for w in wanted if w in found[-1]}
        return found


@pytest.fixture
def receiver():
    with Receiver(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.address = f"127.0.0.1:{sock.getsockname()[1]}"
        yield sock


@pytest.mark.parametrize("threads", ["1", "4"])
def test_requests_are_counted_and_timed_although_there_is_no_access_log(serve, receiver, threads):
    s = serve("zoo:app", "--statsd-host", receiver.address, "--threads", threads)
    fetch(s, "/ping")
    found = receiver.until("gunicorn.request.status.200:1|c|@1.0")
    assert "gunicorn.requests:1|c|@1.0" in found
    (took,) = [f for f in found if f.startswith("gunicorn.request.duration:") and f.endswith("|ms")]
    assert 0 < float(took[:-3].partition(":")[2]) < 5000
    assert s.out() == ""


def test_prefix_and_tags(serve, receiver):
    s = serve(
        "zoo:app",
        *("--statsd-host", receiver.address, "--statsd-prefix", "shop.", "--access-logfile", "-"),
        *("--dogstatsd-tags", "env:test,a"),
    )
    fetch(s, "/ping")
    receiver.until("shop.gunicorn.request.status.200:1|c|@1.0|#env:test,a")
    wait_until(lambda: "GET /ping" in s.out(), 10, "the access log beside it")


def test_lines_of_the_log_are_counted_also_the_engine_s(serve, receiver):
    s = serve("zoo:app", "--statsd-host", receiver.address, expect_errors=True)
    with Client(s) as c:
        c.send(b"GET /z HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n").expect_gone()
    fetch(s, "/raises")
    receiver.until(
        "gunicorn.log.warning:1|c|@1.0",
        "gunicorn.request.status.400:1|c|@1.0",
        "gunicorn.request.status.500:1|c|@1.0",
    )


def test_the_master_tells_workers_and_backlog(serve, receiver):
    s = serve("zoo:app", "--statsd-host", receiver.address, "--enable-backlog-metric", workers=2)
    receiver.until("gunicorn.workers:2|g", "gunicorn.backlog:")
    s.signal(signal.SIGTTIN)
    receiver.until("gunicorn.workers:3|g")
    receiver.until("gunicorn.backlog:0|h")


def test_a_unix_socket_that_comes_later(serve):
    s = serve("zoo:app", start=False)
    s.args = ("--statsd-host", f"unix://{s.dir}/statsd")
    s.start()
    s.wait_log("statsd: .* cannot be reached yet")
    assert fetch(s, "/ping").status == 200
    with Receiver(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(s.dir / "statsd"))
        sock.setblocking(False)

        def has_come():
            fetch(s, "/ping")
            try:
                return sock.recv(4096)
            except BlockingIOError:
                return None

        wait_until(has_come, 10, "a metric", 0.1)


def test_nobody_waits_for_a_receiver_that_reads_nothing(serve):
    s = serve("zoo:app", start=False)
    with Receiver(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(s.dir / "statsd"))
        s.args = ("--statsd-host", f"unix:{s.dir}/statsd")
        s.start()
        with Client(s) as c:
            for _ in range(400):  # a unix socket holds a dozen datagrams
                assert c.get("/ping").status == 200


@pytest.mark.parametrize("value", ["h:port", "h:99999", "unix://"])
def test_what_is_no_address_ends_the_start(serve, value):
    s = serve("zoo:app", "--statsd-host", value, start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert "statsd_host takes HOST:PORT" in s.log()


def test_lines_below_the_log_s_level_are_counted(serve, receiver):
    s = serve("zoo:app", start=False)
    s.args = ("--statsd-host", receiver.address, "--log-level", "critical")
    s.spawn()
    s.wait_ready()  # by a request that is refused
    receiver.until("gunicorn.log.warning:1|c|@1.0")
    assert s.log() == ""
