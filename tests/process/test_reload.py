"""HUP: new configuration, new code, new sockets, while clients keep asking."""

import json
import os
import re
import signal
import socket

import pytest
from support.clock import wait_until
from support.load import Load
from support.rawhttp import Client, fetch, request
from support.server import free_port, is_running

pytestmark = pytest.mark.licorne_only  # Gunicorn loses requests here, or the whole server

APP = """
import os, time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open(os.environ["TEST_DIR"] + "/slow", "w").close()
        time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%s"]
"""


class Site:
    """A server whose application and configuration can be changed while it runs."""

    def __init__(self, serve, *args, conf="", version="1", **kw):
        self.s = serve("site_app:app", *args, start=False, conf=conf, expect_errors=True, **kw)
        self.s.args = (*self.s.args, "--chdir", str(self.s.dir))
        self.write(version)
        self.s.start()

    def write(self, version, text=None):
        (self.s.dir / "site_app.py").write_text(text or APP % version)

    def configure(self, text):
        (self.s.dir / "conf.py").write_text(text)

    def hup(self, until=None, new=True):
        """Sends HUP and waits for the log to say that it is done with."""
        before = len(self.s.log())
        self.s.signal(signal.SIGHUP)
        wait_until(lambda: "Hang up: Master" in self.s.log()[before:], 10, "the HUP")
        if until:
            wait_until(lambda: re.search(until, self.s.log()[before:]), 10, until)
        return before

    def renewed(self, old):
        """Waits until none of these processes is left."""
        wait_until(lambda: not any(map(is_running, old)), 20, "the old workers' end")

    def hup_and_renew(self):
        old = self.s.worker_pids()
        self.hup()
        self.renewed(old)
        return old


@pytest.fixture
def site(serve):
    return lambda *args, **kw: Site(serve, *args, **kw)


def text_of(address):
    with Client(address) as c:
        return c.get("/").text


@pytest.mark.asan_ci
@pytest.mark.parametrize("options", [(), ("--threads", "4")])
def test_five_hups_lose_no_request(site, options):
    """The codes alternate with each; two of the HUPs find code that cannot be imported."""
    w = site(*options, workers=2)
    with Load(w.s.address) as load:
        for version in ("2", "broken", "3", "broken", "4"):
            if version == "broken":
                w.write(version, "1 +")
                w.hup("Reload failed")
            else:
                w.write(version)
                w.hup_and_renew()
            wait_until(lambda: load.count > 50 or load.failures, 10, "requests")
    load.check()
    assert set(load.bodies) == {"1", "2", "3", "4"}
    assert text_of(w.s.address) == "4"
    assert len(w.s.worker_pids()) == 2


def test_hups_that_come_faster_than_workers_boot_lose_no_request(site):
    w = site(workers=2)
    with Load(w.s.address) as load:
        w.write("2")
        for _ in range(5):
            w.s.signal(signal.SIGHUP)
        wait_until(lambda: w.s.log().count("Hang up: Master") >= 1, 10, "one at least")
        wait_until(lambda: load.bodies["2"] and text_of(w.s.address) == "2", 10, "the new code")
        wait_until(lambda: len(w.s.worker_pids()) == 2, 20, "two workers")
        wait_until(lambda: text_of(w.s.address) == "2", 10, "the new code")
    load.check()


def test_code_that_cannot_be_imported_leaves_the_old_workers_and_is_told_in_full(site):
    w = site(workers=2)
    old = w.s.worker_pids()
    w.write("2", "import there_is_no_such_module\n")
    w.hup("Reload failed")
    assert w.s.worker_pids() == old
    assert text_of(w.s.address) == "1"
    log = w.s.log()
    assert "failed to boot, at the import of the application: exit code 3. Its last words:" in log
    assert "No module named 'there_is_no_such_module'" in log
    assert "next try" not in log
    w.write("3")
    w.hup()
    w.renewed(old)
    assert text_of(w.s.address) == "3"


@pytest.mark.parametrize(
    "conf, reason",
    [
        ("workers = 'many'", "Invalid value for workers: many"),
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("raise SystemExit(7)", "SystemExit(7)"),
        ("errorlog = '/nowhere/at/all'", "isn't writable"),
    ],
)
def test_a_configuration_that_cannot_be_used_changes_nothing(site, conf, reason):
    w = site(conf="keepalive = 60")
    old = w.s.worker_pids()
    w.configure(conf)
    before = w.hup("The workers and the configuration of before stay")
    assert reason in w.s.log()[before:]
    assert w.s.worker_pids() == old and text_of(w.s.address) == "1"
    w.configure("keepalive = 60")
    w.hup_and_renew()
    assert text_of(w.s.address) == "1"


def test_the_number_of_workers_follows_the_configuration(serve):
    s = serve("zoo:app", start=False, conf="workers = 1", expect_errors=True)
    s.command_line = without(s.command_line, "-w", "1")
    s.start()
    for n in (3, 1, 2):
        (s.dir / "conf.py").write_text(f"workers = {n}")
        s.signal(signal.SIGHUP)
        wait_until(lambda n=n: len(s.worker_pids()) == n and settled(s), 10, f"{n} workers")
        fetch(s, "/ping")


def without(command_line, *words):
    def changed():
        line = command_line()
        at = line.index(words[0])
        return line[:at] + line[at + len(words) :]

    return changed


def settled(s):
    return all(f"Booting worker with pid: {pid}\n" in s.log() for pid in s.worker_pids())


def test_ttin_is_lost_at_the_next_hup(site):
    w = site(workers=1)
    w.s.signal(signal.SIGTTIN)
    wait_until(lambda: len(w.s.worker_pids()) == 2, 10, "one more")
    w.s.wait_log(r"(?s)(Booting worker.*){2}")
    w.hup()
    wait_until(lambda: len(w.s.worker_pids()) == 1 and settled(w.s), 10, "the one")


def test_another_address_is_opened_and_the_old_one_closed(serve):
    one, two = free_port(), free_port()
    s = serve("zoo:app", start=False, bind=[], workers=2, expect_errors=True)
    conf = s.dir / "conf.py"
    s.conf = f"bind = ['127.0.0.1:{one}', 'unix:{s.dir}/s']"
    s.spawn()
    s.wait_ready(("127.0.0.1", one))
    s.wait_ready(str(s.dir / "s"))
    s.wait_log(r"(?s)(Booting worker.*){2}")
    inode = os.stat(s.dir / "s").st_ino
    conf.write_text(f"bind = ['127.0.0.1:{two}', 'unix:{s.dir}/s']")
    s.signal(signal.SIGHUP)
    s.wait_ready(("127.0.0.1", two))
    assert f"Listening at: http://127.0.0.1:{two},unix:{s.dir}/s ({s.pid})" in s.log()
    wait_until(lambda: refuses(("127.0.0.1", one)), 10, "the old address closed")
    assert os.stat(s.dir / "s").st_ino == inode  # it was kept
    conf.write_text(f"bind = ['127.0.0.1:{two}']")
    s.signal(signal.SIGHUP)
    wait_until(lambda: not (s.dir / "s").exists(), 10, "the socket's file gone")
    with Client(("127.0.0.1", two)) as c:
        assert c.get("/ping").status == 200


def refuses(address):
    try:
        Client(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_address_that_is_taken_fails_the_reload_at_once(serve):
    one = free_port()
    s = serve("zoo:app", start=False, bind=[], expect_errors=True)
    s.conf = f"bind = '127.0.0.1:{one}'"
    s.spawn()
    s.wait_ready(("127.0.0.1", one))
    old = s.worker_pids()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        (s.dir / "conf.py").write_text(f"bind = ['127.0.0.1:{free_port()}', '127.0.0.1:{taken}']")
        s.signal(signal.SIGHUP)
        s.wait_log("Reload failed: not every address can be bound")
    assert f"Connection in use: ('127.0.0.1', {taken})" in s.log()
    assert s.worker_pids() == old
    s.wait_ready(("127.0.0.1", one))


def test_the_log_goes_where_the_new_configuration_says(site):
    w = site(conf="")
    path = w.s.dir / "new.log"
    w.configure(f"errorlog = '{path}'\nloglevel = 'debug'")
    w.s.signal(signal.SIGHUP)
    wait_until(lambda: path.exists() and "Worker exiting" in w.s.log(), 10, "the new log")
    wait_until(lambda: "Booting worker" in path.read_text(), 10, "its first line")
    fetch(w.s, "/")


def test_a_preloaded_application_is_kept_as_gunicorn_keeps_it(site):
    w = site("--preload")
    w.write("2")
    w.hup_and_renew()
    assert text_of(w.s.address) == "1"


def test_a_long_request_is_finished_and_a_longer_one_bounded(site):
    """The old worker is told to leave while it serves; graceful_timeout bounds that."""
    w = site("--graceful-timeout", "1")
    old = w.s.worker_pids()
    with Client(w.s) as c:
        c.send(request("/slow?0.5"))
        w.s.wait_for_mark("slow")
        w.write("2")
        w.hup()
        wait_until(lambda: text_of(w.s.address) == "2", 10, "the new worker")
        r = c.read_response()
        assert (r.text, r.header("Connection")) == ("1", "close")
    w.renewed(old)
    (w.s.dir / "slow").unlink()
    old = w.s.worker_pids()
    with Client(w.s) as c:
        c.send(request("/slow?60"))
        w.s.wait_for_mark("slow")
        w.hup()
        w.renewed(old)
    assert f"Worker graceful timeout (pid:{old[0]})" in w.s.log()
    assert "out of memory" not in w.s.log()


def test_an_idle_client_may_come_once_more(site):
    w = site(workers=1)
    with Client(w.s) as c, Client(w.s) as silent:
        assert c.get("/").text == "1"
        w.hup()
        wait_until(lambda: w.s.log().count("Booting worker") == 2, 10, "the successor")
        wait_until(lambda: text_of(w.s.address) and w.s.log(), 10, "service")
        r = c.get("/")
        assert r.status == 200
        assert silent.get("/").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_during_a_reload_ends_all(site, number):
    w = site(workers=2)
    w.write("2", "import time\ntime.sleep(60)\n")
    w.hup()
    wait_until(lambda: len(w.s.worker_pids()) == 3, 10, "the heir")
    pids = w.s.worker_pids()
    w.s.signal(number)
    assert w.s.wait_exit() == 0
    assert not any(map(is_running, pids))


INDEXED = """
import json, os
def app(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps([os.getpid(), os.environ["LICORNE_WORKER_INDEX"]]).encode()]
"""


def test_no_two_processes_have_the_same_index_and_indexes_stay_small(site):
    w = site(workers=2)
    w.write("", INDEXED)
    seen = {}
    for _ in range(4):
        w.hup_and_renew()
        for _ in range(20):
            pid, index = json.loads(text_of(w.s.address))
            assert seen.setdefault(pid, index) == index
        now = [seen[pid] for pid in w.s.worker_pids() if pid in seen]
        assert len(set(now)) == len(now)
    assert set(seen.values()) <= {"0", "1", "2", "3"}
