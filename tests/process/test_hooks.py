"""Hooks, seen from outside: when they run, what they may do, and what their exceptions do.

Where Gunicorn calls the same with the same is in tests/compat/test_hooks_like_gunicorn.py.
"""

import json
import os
import signal

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch, request
from support.server import children, is_running

pytestmark = pytest.mark.licorne_only  # records, statuses and exits that COMPAT.md tells of

HEAD = "import os, signal, threading, time\nD = os.environ['TEST_DIR']\n" + (
    "def note(*words):\n"
    "    with open(D + '/notes', 'a') as file:\n"
    "        file.write(' '.join(map(str, words)) + '\\n')\n"
)


def start(serve, conf, *args, **kw):
    return serve("hooked:app", *args, conf=HEAD + conf, **kw)


def notes(server):
    path = server.dir / "notes"
    return path.read_text().splitlines() if path.exists() else []


def wait_notes(server, *lines):
    wait_until(lambda: set(lines) <= set(notes(server)), 10, f"{lines} in {notes(server)}")


def environ(server, **headers):
    return json.loads(fetch(server, "/environ", headers=headers).body)


def test_every_hook_in_its_process_and_order(serve):
    s = serve("hooked:app", conf="from hook_journal import *\n")
    wait_until(lambda: (s.dir / "journal").read_text().count("post_worker_init"), 10, "the boot")
    fetch(s, "/")
    assert s.stop() == 0
    lines = [json.loads(line) for line in (s.dir / "journal").read_text().splitlines()]
    assert [name for name, pid, _ in lines if pid == s.pid] == [
        "nworkers_changed",
        "on_starting",
        "when_ready",
        "pre_fork",
        "child_exit",
        "on_exit",
    ]
    assert [name for name, pid, _ in lines if pid != s.pid] == [
        "post_fork",
        "post_worker_init",
        "pre_request",
        "post_request",
        "worker_exit",
    ]


# --- exceptions

ARGUMENTS = {
    "nworkers_changed": "server, new, old",
    "pre_fork": "server, worker",
    "post_fork": "server, worker",
    "post_worker_init": "worker",
}
ENDINGS = [
    ("nworkers_changed", "ValueError", 1, "Exception in nworkers_changed hook"),
    ("on_starting", "ValueError", 1, "Exception in on_starting hook"),
    ("on_starting", "SystemExit(7)", 7, ""),
    ("when_ready", "ValueError", 1, "Exception in when_ready hook"),
    ("pre_fork", "ValueError", 255, "Unhandled exception in main loop"),
    ("pre_fork", "SystemExit(7)", 7, ""),
    ("post_fork", "ValueError", 3, "Exception in worker process"),
    ("post_worker_init", "ValueError", 3, "Exception in worker process"),
]


@pytest.mark.parametrize("name, what, status, text", ENDINGS)
def test_what_is_raised_while_it_starts_ends_the_server(serve, name, what, status, text):
    conf = f"def {name}({ARGUMENTS.get(name, 'server')}):\n    raise {what}\n"
    conf += "def child_exit(server, worker):\n    note('child_exit')\n"
    s = start(serve, conf, start=False, expect_errors=True)
    assert s.run_to_exit() == status
    assert f"[ERROR] {text}" in s.log() if text else "Traceback" not in s.log()
    assert notes(s) == []  # the worker whose boot ends the server is not told to child_exit


def test_child_exit_that_raises_ends_the_server(serve):
    s = start(serve, "def child_exit(server, worker):\n    raise ValueError\n", expect_errors=True)
    os.kill(s.worker_pids()[0], signal.SIGKILL)
    assert s.wait_exit() == 255
    assert "[ERROR] Unhandled exception in main loop\nTraceback" in s.log()


def test_what_is_raised_at_the_end(serve):
    conf = """
def worker_exit(server, worker):
    raise ValueError('of worker_exit')
def on_exit(server):
    raise ValueError('of on_exit')
"""
    s = start(serve, conf, expect_errors=True)
    assert s.stop(expect_errors=True) == 1
    assert "[WARNING] Exception during worker exit:\nTraceback" in s.log()
    assert "[ERROR] Exception in on_exit hook\nTraceback" in s.log()


# --- requests


def test_what_pre_request_changes_is_what_the_application_sees(serve):
    conf = """
def pre_request(worker, req):
    req.headers.append(('X-ADDED', 'v'))
    req.headers[:] = [pair for pair in req.headers if pair[0] != 'X-GONE']
    req.scheme = 'https'
    if req.path == '/other':
        req.path = '/environ'
        req.force_close()
"""
    s = start(serve, conf)
    seen = environ(s, **{"X-Gone": "1", "X-Stays": "2"})
    assert seen["HTTP_X_ADDED"] == "v" and seen["HTTP_X_STAYS"] == "2"
    assert "HTTP_X_GONE" not in seen
    assert seen["wsgi.url_scheme"] == "https"
    r = fetch(s, "/other")
    assert json.loads(r.body)["PATH_INFO"] == "/environ"
    assert r.header("Connection") == "close"


@pytest.mark.parametrize(
    "change, key, value",
    [
        ("req.path = '/environ'", "PATH_INFO", "/environ"),
        ("req.path; req.path = '/environ'", "PATH_INFO", "/environ"),
        ("req.path = '/environ'; req.scheme = 'https'", "wsgi.url_scheme", "https"),
        ("req.path = '/environ'; req.version = (1, 0)", "SERVER_PROTOCOL", "HTTP/1.0"),
    ],
)
def test_each_change_alone_is_noticed(serve, change, key, value):
    s = start(serve, f"def pre_request(worker, req):\n    {change}\n")
    assert json.loads(fetch(s, "/other").body)[key] == value


def test_looking_changes_nothing(serve):
    conf = """
def pre_request(worker, req):
    note(req.method, req.path, req.uri, req.query, req.version, req.scheme, len(req.headers))
"""
    s = start(serve, conf)
    assert environ(s)["PATH_INFO"] == "/environ"
    assert notes(s)[-1].startswith("GET /environ /environ  (1, 1) http ")


@pytest.mark.parametrize("extra", ["", ", environ", ", environ, resp"])
def test_post_request_may_take_fewer_arguments(serve, extra):
    conf = f"def post_request(worker, req{extra}):\n    note(req.path, worker.nr)\n"
    s = start(serve, conf)
    fetch(s, "/a")
    fetch(s, "/b")
    wait_notes(s, "/a 1", "/b 2")


def test_post_request_runs_whatever_became_of_the_request(serve):
    conf = """
def pre_request(worker, req):
    if req.path == '/refused':
        raise ValueError('of pre_request')
def post_request(worker, req, environ, resp):
    note(req.path, environ.get('PATH_INFO'), resp and resp.status, worker.nr)
"""
    s = start(serve, conf, expect_errors=True, env={"SCRIPT_NAME": "/m"})
    assert fetch(s, "/m/made").status == 201
    assert fetch(s, "/m/fail").status == 500
    assert fetch(s, "/m/hijack").status == 200
    assert fetch(s, "/refused").status == 500
    assert fetch(s, "/not-there").status == 500  # it does not lie under SCRIPT_NAME
    with Client(s) as c:
        c.send(request("/m/late"))
        c.expect_gone()
    expected = [
        "/m/made /made 201 Made 1",
        "/m/fail /fail None 2",
        "/m/hijack /hijack None 3",
        "/refused None None 3",
        "/not-there None None 3",
        "/m/late /late 200 OK 4",
    ]
    wait_notes(s, *expected)
    assert notes(s) == expected
    assert re_count(s, "Error handling request GET /refused\nTraceback") == 1


def re_count(server, text):
    return server.log().count(text)


def test_post_request_that_raises_harms_nobody(serve):
    conf = "def post_request(worker, req):\n    raise ValueError('of post_request')\n"
    s = start(serve, conf, expect_errors=True)
    with Client(s) as c:
        assert c.get("/").status == 200
        assert c.get("/").status == 200
    s.wait_log(r"(?s)(\[ERROR\] Exception in post_request hook\nTraceback.*){2}")


def test_what_a_hook_keeps_stays_as_it_was(serve):
    conf = """
import weakref
kept = []
alive = weakref.WeakKeyDictionary()
def pre_request(worker, req):
    req.started = worker.nr
    alive[req] = True
    if kept:
        note(*[(r.path, r.started, r.method, dict(r.headers)['X-N'], s.status, dict(s.headers)['X-A'])
               for r, s in kept])
def post_request(worker, req, environ, resp):
    note('alive', alive.pop(req))
    if len(kept) < 2:
        kept.append((req, resp))
"""
    s = start(serve, conf)
    with Client(s) as c:
        c.get("/a", headers={"X-N": "1"})
        c.get("/made", headers={"X-N": "2"})
        c.get("/c", headers={"X-N": "3"})
        c.get("/d", headers={"X-N": "4"})
    wait_until(lambda: notes(s).count("alive True") == 4, 10, "four requests")
    a, b = ("/a", 0, "GET", "1", "200 OK", "b"), ("/made", 1, "GET", "2", "201 Made", "b")
    told = [line for line in notes(s) if line.startswith("(")]
    assert told == [f"{a}", f"{a} {b}", f"{a} {b}"]


def test_headers_of_an_answer_that_waits_to_leave_with_others(serve):
    conf = """
def pre_request(worker, req):
    until = time.perf_counter() + 0.0003  # long enough for answers of one wake-up to be gathered
    while time.perf_counter() < until:
        pass
def post_request(worker, req, environ, resp):
    if dict(resp.headers) != {'Content-Length': '0', 'X-A': 'b'}:
        note(resp.headers)
"""
    s = start(serve, conf)
    clients = [Client(s) for _ in range(12)]
    for _ in range(20):
        for c in clients:
            c.send(request("/"))
        assert [c.read_response().status for c in clients] == [200] * len(clients)
    for c in clients:
        c.close()
    assert notes(s) == []
    assert "SIGSEGV" not in s.log()


def test_each_thread_has_its_own_request(serve):
    conf = """
def pre_request(worker, req):
    req.own = threading.get_ident()
def post_request(worker, req, environ, resp):
    note(req.path, req.own == threading.get_ident(), resp.status)
"""
    s = start(serve, conf, "--threads", "4")
    with Client(s) as held, Client(s) as other:
        held.send(request("/held"))
        s.wait_for_mark("held")
        assert other.get("/made").status == 201
        (s.dir / "release").touch()
        assert held.read_response().status == 200
    wait_notes(s, "/held True 200 OK", "/made True 201 Made")


def test_at_debug_level_requests_are_told(serve):
    s = serve("hooked:app", "--log-level", "debug")
    fetch(s, "/a?b")
    s.wait_log(r"\[DEBUG\] GET /a$")


# --- the worker


def test_the_application_may_be_wrapped_in_post_worker_init(serve):
    conf = """
def post_worker_init(worker):
    inner = worker.wsgi
    def wrapped(environ, start_response):
        environ['PATH_INFO'] = '/made'
        return inner(environ, start_response)
    worker.wsgi = wrapped
"""
    assert fetch(start(serve, conf), "/").status == 201


def test_a_worker_that_is_no_longer_alive_ends_well_and_is_replaced(serve):
    conf = """
def post_request(worker, req, environ, resp):
    if req.path == '/last':
        worker.alive = False
def child_exit(server, worker):
    note('gone', worker.pid)
"""
    s = start(serve, conf)
    first = s.worker_pids()[0]
    assert fetch(s, "/last").status == 200
    wait_notes(s, f"gone {first}")
    wait_until(lambda: s.worker_pids() and s.worker_pids() != [first], 10, "a successor")
    assert fetch(s, "/").status == 200
    assert "exited with code" not in s.log() and "was sent" not in s.log()


def test_a_worker_may_wish_to_end_while_it_boots(serve):
    conf = """
def post_fork(server, worker):
    if worker.age == 1:
        worker.alive = False
def worker_exit(server, worker):
    note('exit', worker.age)
"""
    s = start(serve, conf)
    wait_notes(s, "exit 1")
    assert fetch(s, "/").status == 200
    assert "exited with code" not in s.log()


def test_worker_int_sees_the_request_that_runs(serve):
    conf = """
import sys
def worker_int(worker):
    frames = [sys._current_frames()[threading.main_thread().ident]]
    while frames[-1].f_back:
        frames.append(frames[-1].f_back)
    note('int', 'hold' in [frame.f_code.co_name for frame in frames])
"""
    s = start(serve, conf, "--threads", "1")
    with Client(s) as c:
        c.send(request("/held"))
        s.wait_for_mark("held")
        os.kill(s.worker_pids()[0], signal.SIGQUIT)
        assert c.read_response().status == 500
    wait_notes(s, "int True")


def test_a_worker_that_says_it_is_at_work_is_not_late(serve):
    conf = """
def post_worker_init(worker):
    inner = worker.wsgi
    def busy(environ, start_response):
        before = worker.tmp.last_update()
        for _ in range(14):
            time.sleep(0.1)
            worker.notify()
        note('moved', worker.tmp.last_update() > before + 1)
        return inner(environ, start_response)
    worker.wsgi = busy
"""
    s = start(serve, conf, "-t", "1")
    assert fetch(s, "/").status == 200
    assert "TIMEOUT" not in s.log()
    wait_notes(s, "moved True")


def test_a_stop_while_it_boots_calls_worker_exit(serve):
    conf = """
import atexit
def post_worker_init(worker):
    note('booting')
    time.sleep(60)
def worker_exit(server, worker):
    note('exit', worker.booted)
"""
    s = start(serve, conf, start=False)
    s.spawn()
    wait_notes(s, "booting")
    s.signal(signal.SIGTERM)
    assert s.wait_exit() == 0
    assert notes(s) == ["booting", "exit False"]


# --- the server


def test_a_thread_of_when_ready_watches_workers_and_stops_the_server(serve):
    conf = """
def when_ready(server):
    def watch():
        while len(server.WORKERS) < 2 or not all(w.tmp.last_update() for w in server.WORKERS.values()):
            time.sleep(0.01)
        note('ages', *sorted(w.age for w in server.WORKERS.values()))
        note('pids', *[pid == w.pid for pid, w in server.WORKERS.items()])
        note('queue', server.LISTENERS[0].sock.getsockname()[0])
        server.num_workers = 3
        while len(server.WORKERS) < 3:
            time.sleep(0.01)
        server.halt('seen enough', 9)
    threading.Thread(target=watch, daemon=True).start()
def nworkers_changed(server, new, old):
    note('n', new, old)
def on_exit(server):
    note('on_exit', len(server.WORKERS))
"""
    s = start(serve, conf, workers=2, start=False)
    assert s.run_to_exit() == 9
    assert notes(s) == ["n 2 None", "ages 1 2", "pids True True", "queue 127.0.0.1", "n 3 2",
                        "on_exit 0"]  # fmt: skip


def test_children_and_threads_that_hooks_start_do_not_disturb_the_master(serve):
    conf = """
import subprocess
def when_ready(server):
    global sleeper
    sleeper = subprocess.Popen(['sleep', '60'])
    note('sleeper', sleeper.pid)
    note('true', subprocess.run(['true']).returncode)
def on_exit(server):
    sleeper.kill()
"""
    s = start(serve, conf)
    wait_notes(s, "true 0")
    sleeper = int(notes(s)[0].split()[1])
    assert sleeper in children(s.pid)
    assert fetch(s, "/").status == 200
    assert s.stop() == 0
    wait_until(lambda: not is_running(sleeper), 10, "its end")


# --- reload and upgrade


def test_on_reload_knows_the_new_configuration_and_comes_before_its_workers(serve):
    s = start(serve, "def on_reload(server):\n    note('the old one')\n")
    conf = """
timeout = 77
def on_reload(server):
    note('on_reload', os.getpid(), server.cfg.timeout, len(server.WORKERS))
def pre_fork(server, worker):
    note('pre_fork', worker.age)
def post_worker_init(worker):
    note('ready', worker.age)
"""
    (s.dir / "conf.py").write_text(HEAD + conf)
    s.signal(signal.SIGHUP)
    wait_notes(s, "ready 2")
    assert notes(s) == [f"on_reload {s.pid} 77 1", "pre_fork 2", "ready 2"]


def test_a_configuration_that_cannot_be_read_calls_no_on_reload(serve):
    s = start(serve, "def on_reload(server):\n    note('on_reload')\n", expect_errors=True)
    text = (s.dir / "conf.py").read_text()
    (s.dir / "conf.py").write_text(text + "1 / 0\n")
    s.signal(signal.SIGHUP)
    s.wait_log("Reload failed")
    assert notes(s) == []
    (s.dir / "conf.py").write_text(text)
    s.signal(signal.SIGHUP)
    wait_notes(s, "on_reload")


@pytest.mark.parametrize("what, status", [("ValueError", 255), ("SystemExit(7)", 7)])
def test_on_reload_that_raises_ends_the_server(serve, what, status):
    s = start(serve, f"def on_reload(server):\n    raise {what}\n", expect_errors=True)
    s.signal(signal.SIGHUP)
    assert s.wait_exit() == status
    assert ("[ERROR] Unhandled exception in main loop\nTraceback" in s.log()) == (status == 255)


def test_pre_exec_runs_in_the_process_that_becomes_the_new_master(serve):
    conf = """
def pre_exec(server):
    note('pre_exec', os.getpid(), os.getppid(), server.pid, server.address)
def when_ready(server):
    note('when_ready', os.getpid())
"""
    s = start(serve, conf)
    s.signal(signal.SIGUSR2)
    new = wait_until(lambda: len(notes(s)) == 3 and int(notes(s)[2].split()[1]), 20, "the new one")
    s.wait_log(r"(?s)(Booting worker.*){2}")
    workers = children(new)
    os.kill(new, signal.SIGTERM)
    wait_until(lambda: not any(map(is_running, [new, *workers])), 20, "its end")
    first = f"pre_exec {new} {s.pid} {s.pid} [('127.0.0.1', {s.port})]"
    assert notes(s) == [f"when_ready {s.pid}", first, f"when_ready {new}"]


def test_pre_exec_that_raises_leaves_the_old_master_serving(serve):
    s = start(serve, "def pre_exec(server):\n    raise ValueError\n", expect_errors=True)
    s.signal(signal.SIGUSR2)
    s.wait_log(r"The new master \(pid:\d+\) has ended \(exit code 1\); this one serves on")
    assert "[ERROR] Exception while starting the new master\nTraceback" in s.log()
    assert fetch(s, "/").status == 200
