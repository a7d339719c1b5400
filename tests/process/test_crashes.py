"""Workers that end inside a request, under load: what is lost is what was inside, and no more."""

import os
import signal
import threading
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, ConnectionEnded, fetch, request
from support.server import is_running, sanitizing

pytestmark = pytest.mark.licorne_only  # gunicorn's sync workers hold one client each

BACK_S = 0.1  # from the end of a worker to the begin of its successor's import
AT_ONCE_S = 0.5  # the same, once, beside whatever else this machine does

ENDS = [
    ("/kill", r"\[ERROR\] Worker \(pid:PID\) was sent SIGKILL! Perhaps out of memory\?"),
    ("/segv", r"\[WARNING\] Worker \(pid:PID\) was sent SIGSEGV!"),
    ("/abort", r"\[WARNING\] Worker \(pid:PID\) was sent SIGABRT!"),
    ("/os_exit?code=3", r"\[ERROR\] Worker \(pid:PID\) exited with code 3\."),
    ("/os_exit?code=0", None),
]


def pid_of(client):
    return int(client.get("/").body.split()[0])


def boots(server):
    """(when, pid) of each import of the application."""
    lines = (server.dir / "boots").read_text().splitlines()
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


def groups(server, n):
    """So many kept-alive clients by the worker that they are with, the larger group first."""
    found = {}
    for _ in range(n):
        c = Client(server)
        found.setdefault(pid_of(c), []).append(c)
    return sorted(found.items(), key=lambda item: -len(item[1]))


def hold(server, client, by):
    """-> the worker that holds it: it may have moved to one that was free sooner."""
    for old in server.dir.glob("held-*"):
        old.unlink()
    client.send(request(f"/hold?by={by}"))
    wait_until(lambda: any(server.dir.glob("held-*")), 10, "the call")
    [mark] = server.dir.glob("held-*")
    return int(mark.name.removeprefix("held-"))


def two_groups(server, n):
    """So many with each of two sync workers, by keeping the other one busy meanwhile."""
    [(_, [holder])] = groups(server, 1)
    pid = hold(server, holder, "first")
    [(other, second)] = groups(server, n)
    (server.dir / "first").touch()
    holder.read_response()
    holds = hold(server, second[0], "second")
    [(free, first)] = groups(server, n)
    (server.dir / "second").touch()
    second[0].read_response()
    if holds != other:  # so that client is with the first, now, and those that came then are not
        return (holds, [holder, second[0]]), (free, [*second[1:], *first])
    assert free == pid != other
    return (pid, [holder, *first]), (other, second)


class Load(threading.Thread):
    """One request after another on each of these connections; a failure is kept."""

    def __init__(self, clients):
        super().__init__(daemon=True)
        self.clients, self.failure, self.count = clients, None, 0
        self.is_over = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.is_over.is_set():
                for c in self.clients:
                    assert c.get("/").status == 200
                    self.count += 1
        except Exception as error:
            self.failure = error

    def end(self):
        self.is_over.set()
        self.join()
        assert self.failure is None, self.failure
        assert self.count > 0


def expect_end(client, since):
    """The connection ends without a word, and at once."""
    with pytest.raises((ConnectionEnded, ConnectionResetError)) as caught:
        client.read_response()
    assert getattr(caught.value, "partial", b"") == b""
    assert time.monotonic() - since < deadline(0.5)


def wait_back(server, gone, ended):
    """The successor's import began in time; it answers."""
    wait_until(lambda: len(boots(server)) == 3, 10, "the successor")
    began, pid = boots(server)[2]
    assert began - ended < deadline(AT_ONCE_S), f"{began - ended:.3f} s"
    assert not is_running(gone)
    wait_until(lambda: len(server.worker_pids()) == 2, 10, "two workers")
    assert pid in server.worker_pids()


@pytest.mark.skipif(sanitizing(), reason="a sanitizer takes these signals for its own findings")
@pytest.mark.parametrize("path, line", ENDS)
@pytest.mark.parametrize("threads", [1, 4])
def test_only_what_was_inside_is_lost(serve, path, line, threads):
    args = ("--threads", threads) if threads > 1 else ()
    s = serve("trouble:app", *args, workers=2, expect_errors=True, may_crash=True)
    wait_until(lambda: len(boots(s)) == 2, 10, "two boots")
    if threads > 1:
        (pid, first), *others = groups(s, 12)
        for c in first[1:threads]:
            assert hold(s, c, "never") == pid
        second = [c for _, clients in others for c in clients]
    else:
        (pid, first), (_, second) = two_groups(s, 4)
    load = Load(second) if second else None
    sent = time.monotonic()
    first[0].send(request(path))
    for c in first:  # those inside a call and those that were idle
        expect_end(c, sent)
    wait_back(s, pid, time.monotonic())
    if load:
        load.end()
    if line:
        s.wait_log(line.replace("PID", str(pid)))
        s.wait_log(rf"Worker \(pid:{pid}, index \d\) ended with .*, inside:")
    s.wait_log(rf"^  GET {path.replace('?', '[?]')} from 127\.0\.0\.1, for \d+\.\d s")
    assert ("Perhaps" in s.log()) is (path == "/kill")
    assert fetch(s, "/").status == 200


@pytest.mark.parametrize("code", [0, 3, 4, 7])
def test_exit_in_a_request_answers_and_the_next_worker_comes_at_once(serve, code):
    """Under gthread, where it ends the worker."""
    s = serve("trouble:app", "-k", "gthread", workers=2, expect_errors=True)
    wait_until(lambda: len(boots(s)) == 2, 10, "two boots")
    (pid, first), (_, second) = two_groups(s, 3)
    load = Load(second)
    first[0].send(request(f"/sys_exit?code={code}"))
    assert first[0].read_response().status == 500
    wait_until(lambda: not is_running(pid), 10, "end of the worker")
    wait_back(s, pid, time.monotonic())
    load.end()


def test_killed_again_and_again_it_is_back_within_a_tenth_of_a_second(serve):
    """Those that served a second: a loop of crashes is slowed."""
    s = serve("trouble:app", expect_errors=True)
    took = []
    for n in range(2, 7):
        wait_until(lambda: time.monotonic() - boots(s)[-1][0] > 1, 5, "a second of service")
        ended = time.monotonic()
        os.kill(boots(s)[-1][1], signal.SIGKILL)
        wait_until(lambda n=n: len(boots(s)) == n, 10, "the successor", 0.005)
        took.append(boots(s)[-1][0] - ended)
        assert fetch(s, "/").status == 200
    assert sorted(took)[2] < deadline(BACK_S), took


@pytest.mark.skipif(sanitizing(), reason="a sanitizer takes the signal for its own finding")
def test_a_crash_shows_where_it_was(serve):
    s = serve("trouble:app", expect_errors=True, may_crash=True)
    with Client(s) as c:
        c.send(request("/segv"))
        expect_end(c, time.monotonic())
    s.wait_log(r"GET /segv from .*\nFatal Python error: Segmentation fault\n\nCurrent thread")
    s.wait_log(r"trouble\.py.* in app$")


@pytest.mark.skipif(sanitizing(), reason="a sanitizer takes the signal for its own finding")
def test_the_applications_own_use_of_faulthandler_goes_on_working(serve):
    s = serve("trouble:app", expect_errors=True, may_crash=True)
    assert fetch(s, "/faulthandler").status == 200
    for name in ("stacks", "later", "asked"):
        assert "own_use_of_faulthandler" in (s.dir / name).read_text()
    with Client(s) as c:
        c.send(request("/own_crash"))
        expect_end(c, time.monotonic())
    s.wait_log("was sent SIGSEGV!")
    assert "crash_into_own_file" in (s.dir / "crash").read_text()
    assert "crash_into_own_file" not in s.log()


def test_a_child_of_the_application_that_crashes_does_not_speak_for_its_worker(serve, tmp_path):
    (tmp_path / "forks.py").write_text(
        "import ctypes, os\n"
        "def app(environ, start_response):\n"
        "    if environ['PATH_INFO'] == '/kill':\n"
        "        os.kill(os.getpid(), 9)\n"
        "    if (pid := os.fork()) == 0:\n"
        "        ctypes.string_at(0)\n"
        "    os.waitpid(pid, 0)\n"
        "    start_response('200 OK', [])\n"
        "    return [b'']\n"
    )
    s = serve("forks:app", "--chdir", tmp_path, expect_errors=True, may_crash=True)
    assert fetch(s, "/").status == 200
    assert s.log().count("Fatal Python error") == 1  # the child's, on descriptor 2, as it happens
    with Client(s) as c:
        c.send(request("/kill"))
        expect_end(c, time.monotonic())
    s.wait_log("GET /kill from")
    assert s.log().count("Fatal Python error") == 1
