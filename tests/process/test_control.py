"""The control socket: what may be asked through it, by Gunicorn's own client and by ours, and whose file it is."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest
from support.clock import deadline, wait_until
from support.control import Asker, ask, licornectl, run
from support.gunicornc import gunicorn_bin
from support.rawhttp import Client, fetch, request
from support.server import APPS, environment, free_port

pytestmark = pytest.mark.licorne_only  # the tests start gunicorn without one

ONE = ("--threads", "1")  # also where the suite runs with more


@pytest.fixture(scope="session")
def gunicornc():
    command = gunicorn_bin() / "gunicornc"

    def call(path, text, *more, env=None):
        where = ["-s", path] if path else []
        return run([command, *where, "-c", text, *more], env)

    return call


def control(server):
    return server.dir / "gunicorn.ctl"


def booted(server, count):
    def look():
        workers = ask(control(server), "show workers")["workers"]
        return len(workers) == count and all(worker["booted"] for worker in workers)

    wait_until(look, 10, f"{count} workers serve")


# --- the same answers as Gunicorn ------------------------------------------------------------------

# One after the other, to both: what is asked later sees what was ordered before.
COMMANDS = (
    "help",
    "show all",
    "show workers",
    "show stats",
    "show config",
    "show listeners",
    "show dirty",
    "SHOW Workers",
    "dirty add",
    "dirty remove 2",
    "worker kill 1",
    "worker remove 9",
    "worker remove",
    "worker add",
    "worker add 0",
    "worker kill",
    "worker",
    "worker bogus",
    "show bogus",
    "dirty",
    "dirty kill",
    "bogus x",
    "show 'workers",
    "reopen",
    "reload",
    "shutdown graceful",
)
SAME_VALUES = ("worker", "dirty", "reopen", "reload", "shutdown", "show dirty")


def form(value):
    """Names and kinds: what a program that reads it depends on."""
    if isinstance(value, dict):
        return {key: form(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)
    )


def has_all_of(ours, theirs, where):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, inner in theirs.items():
            assert key in ours, f"{where}: no {key}"
            has_all_of(ours[key], inner, f"{where}.{key}")
    elif isinstance(theirs, list) and theirs:
        assert ours, where
        has_all_of(ours[0], theirs[0], f"{where}[]")
    else:
        assert ours == theirs or type(None) in (ours, theirs), where


@pytest.fixture
def gunicorn(tmp_path):
    """Real Gunicorn with two workers; the path of its control socket."""
    path, log = tmp_path / "g.ctl", tmp_path / "log"
    command = [gunicorn_bin() / "gunicorn", "-b", f"127.0.0.1:{free_port()}", "-w", "2"]
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [*map(str, command), "--control-socket", str(path), "zoo:app"],
            cwd=tmp_path,
            stderr=out,
            env=environment("gunicorn", {"TEST_DIR": tmp_path}),
        )
    try:
        wait_until(lambda: b"Control socket listening" in log.read_bytes(), 20, "gunicorn is up")
        yield path
    finally:
        process.terminate()
        process.wait(deadline(20))


def ask_patiently(path, command):
    """Gunicorn closes its socket around every fork."""

    def attempt():
        with contextlib.suppress(OSError, TypeError), Asker(path) as asker:
            return asker.send({"id": 3, "command": command, "args": []}).read()

    return wait_until(attempt, 10, f"an answer to {command!r}", 0.1)


def test_every_command_is_answered_as_gunicorn_answers_it(serve, gunicorn):
    s = serve(workers=2, expect_errors=True)
    booted(s, 2)
    for command in COMMANDS:
        ours, theirs = ask_patiently(control(s), command), ask_patiently(gunicorn, command)
        assert (ours["id"], ours["status"]) == (theirs["id"], theirs["status"]), command
        if command == "show bogus" or ours["status"] == "ok":
            has_all_of(form(ours), form(theirs), command)
        if command.startswith(SAME_VALUES) or ours["status"] == "error":
            assert ours == theirs, command
    assert s.wait_exit() == 0


def test_gunicornc_shows_what_it_gets(serve, gunicornc):
    s = serve(workers=2)
    booted(s, 2)
    done = gunicornc(control(s), "show workers")
    assert done.returncode == 0 and not done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["PID", "AGE", "BOOTED", "LAST_BEAT"]
    rows = [line.split() for line in lines[2:4]]
    assert sorted(int(row[0]) for row in rows) == s.worker_pids()
    assert [row[2] for row in rows] == ["yes", "yes"]
    assert lines[-1] == "Total: 2 workers"
    for command, words in {
        "show all": f"ARBITER (master)\n  PID: {s.pid}\n",
        "show stats": "Workers spawned:  2\n",
        "show config": "workers: 2\n",
        "show listeners": f"http://127.0.0.1:{s.port}",
        "show dirty": "Dirty arbiter not running",
        "help": "worker kill <PID>",
        "worker add 1": '"total": 3',
    }.items():
        done = gunicornc(control(s), command)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert words in done.stdout, command
    done = gunicornc(control(s), "bogus")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: Invalid argument: Unknown command: bogus\n",
    )


def test_gunicornc_finds_the_server_without_being_told(serve, gunicornc):
    s = serve(start=False)
    s.env = {"XDG_RUNTIME_DIR": None, "HOME": s.dir}
    s.start()
    path = s.dir / ".gunicorn" / "gunicorn.ctl"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    done = gunicornc(None, "show stats", "-j", env=s.env)
    assert json.loads(done.stdout)["pid"] == s.pid
    done = licornectl("show", "stats", "--json", env=s.env)
    assert json.loads(done.stdout)["pid"] == s.pid
    s.stop()
    assert not path.exists()


# --- what is asked and ordered ---------------------------------------------------------------------


def test_booted_tells_the_truth(serve):
    s = serve("booting:app", *ONE, start=False)
    (s.dir / "slow").touch()  # its import takes two seconds
    s.spawn()
    s.wait_for_mark("importing")

    def worker():
        return ask(control(s), "show workers")["workers"][0]

    first = worker()
    assert (first["booted"], first["state"], first["last_heartbeat"]) == (False, "booting", None)
    assert ask(control(s), "show all")["web_workers"][0]["booted"] is False
    wait_until(lambda: worker()["booted"], 10, "it has booted")
    assert worker()["state"] == "serving" and worker()["last_heartbeat"] < 2


def test_workers_come_and_go_on_one_connection(serve):
    s = serve(workers=1)
    booted(s, 1)
    with Asker(control(s)) as asker:  # Gunicorn's ends at the first fork
        assert asker.ask("worker add 2") == {"added": 2, "previous": 1, "total": 3}
        wait_until(lambda: len(s.worker_pids()) == 3, 10, "three workers")
        oldest = asker.ask("show workers")["workers"][0]
        assert oldest["age"] == 1
        assert asker.ask("worker remove")["total"] == 2
        wait_until(lambda: oldest["pid"] not in s.worker_pids(), 10, "the oldest has gone")
        booted(s, 2)
        victim = s.worker_pids()[0]
        assert asker.ask(f"worker kill {victim}") == {"success": True, "killed": victim}
        wait_until(
            lambda: victim not in s.worker_pids() and len(s.worker_pids()) == 2, 10, "another"
        )
        stats = asker.ask("show stats")
        assert (stats["workers_spawned"], stats["workers_killed"], stats["pid"]) == (4, 2, s.pid)
    assert "Control socket: worker add 2 (asked by pid" in s.log()
    assert fetch(s, "/ping").status == 200


@pytest.mark.parametrize("mode, word", [("graceful", "term"), ("quick", "int")])
def test_shutdown(serve, mode, word):
    s = serve()
    assert ask(control(s), f"shutdown {mode}") == {"status": "shutting_down", "mode": mode}
    assert s.wait_exit() == 0
    assert f"Handling signal: {word}\n" in s.log()
    assert not control(s).exists()


def test_show_requests_lists_what_runs_longest_first(serve):
    s = serve("zoo:app", *ONE, workers=2)
    with Client(s) as a, Client(s) as b:
        a.send(request("/hold?who=a"))
        s.wait_for_mark("held-a")
        b.send(request("/hold?who=b", method="POST", headers={"Content-Length": "0"}))
        s.wait_for_mark("held-b")
        data = ask(control(s), "show requests")
        first, second = data["requests"]
        assert data["count"] == 2
        assert (first["method"], first["path"]) == ("GET", "/hold?who=a")
        assert (second["method"], second["path"]) == ("POST", "/hold?who=b")
        assert first["seconds"] >= second["seconds"]
        assert sorted([first["worker"], second["worker"]]) == s.worker_pids()
        assert first["thread"] > 0 and first["phase"] == "app"
        assert first["client"] == "127.0.0.1"
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["since"])
        busy = [worker["busy"] for worker in ask(control(s), "show workers")["workers"]]
        assert busy == [1, 1]
        shown = licornectl("-s", control(s), "show", "requests").stdout
        assert shown.index("/hold?who=a") < shown.index("/hold?who=b") < shown.index("Total: 2")
        (s.dir / "release").touch()
        a.read_response()
        b.read_response()
    nothing = {"requests": [], "count": 0}
    wait_until(lambda: ask(control(s), "show requests") == nothing, 5, "the calls have ended")


def test_clients_that_stall_never_stall_the_master(serve):
    s = serve(workers=1)
    booted(s, 1)
    with contextlib.ExitStack() as stack:
        half = stack.enter_context(Asker(control(s)))
        half.sock.sendall(b"\0\0\0\x20{")
        deaf = stack.enter_context(Asker(control(s)))
        deaf.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                deaf.send({"command": "help"})
        idle = [stack.enter_context(Asker(control(s))) for _ in range(40)]
        began = time.monotonic()
        assert ask(control(s), "worker add")["total"] == 2
        wait_until(lambda: len(s.worker_pids()) == 2, 10, "the master forks")
        os.kill(s.worker_pids()[0], signal.SIGKILL)
        wait_until(lambda: "was sent SIGKILL" in s.log(), 10, "the master reaps")
        assert time.monotonic() - began < deadline(8)
        assert idle[-1].ask("show stats")["workers_target"] == 2
        s.stop()


def test_broken_frames_are_refused(serve):
    s = serve()
    for bad in (b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"):
        with Asker(control(s)) as asker:
            asker.sock.sendall(bad)
            assert asker.read()["error"] == "The request is too long"
            assert asker.read() is None
    for bad in (b"", b"[]", b"{", b'{"command": 5}', b"\xff", b"[" * 8000):
        with Asker(control(s)) as asker:
            assert asker.send(bad).read()["status"] == "error"
            assert asker.read() is None
    assert ask(control(s), "show stats")["workers_current"] == 1


def test_the_socket_is_the_masters_alone(serve):
    s = serve(workers=1)
    with Asker(control(s)) as asker:
        asker.ask("worker add")
        wait_until(lambda: len(s.worker_pids()) == 2, 10, "two workers")
        inodes = unix_inodes(control(s))
        assert inodes
        for pid in s.worker_pids():
            assert not inodes & socket_inodes(pid)


def unix_inodes(path):
    with open("/proc/net/unix") as table:
        return {line.split()[6] for line in table if line.rstrip().endswith(str(path))}


def socket_inodes(pid):
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{name}")))
    return found


# --- whose file it is ------------------------------------------------------------------------------


def test_a_second_server_takes_a_name_of_its_own_and_says_so(serve):
    first = serve()
    second = serve(env={"XDG_RUNTIME_DIR": str(first.dir)})
    own = first.dir / f"gunicorn.{second.pid}.ctl"
    line = f"Control socket listening at {own} (pid {first.pid} answers at {control(first)})"
    assert second.log().count("Control socket") == 1 and line in second.log()
    assert ask(own, "show stats")["pid"] == second.pid
    assert ask(control(first), "show stats")["pid"] == first.pid
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    first.stop()
    assert not control(first).exists() and own.exists()
    missed = licornectl("show", "stats", env={"XDG_RUNTIME_DIR": first.dir})
    assert missed.returncode == 1 and str(own) in missed.stderr
    second.stop()
    assert not own.exists()


def test_a_server_that_does_not_answer_still_has_its_name(serve):
    first = serve()
    first.signal(signal.SIGSTOP)
    try:
        second = serve(env={"XDG_RUNTIME_DIR": str(first.dir)})
        assert f"gunicorn.{second.pid}.ctl" in second.log()
    finally:
        first.signal(signal.SIGCONT)


def test_what_a_dead_server_left_is_replaced(serve):
    first = serve()
    path = control(first)
    first.process.kill()
    first.kill()
    assert path.exists()
    second = serve(env={"XDG_RUNTIME_DIR": str(first.dir)})
    assert ask(path, "show stats")["pid"] == second.pid
    second.stop()
    assert not path.exists()


def test_another_ones_file_is_left_alone_at_the_end(serve):
    s = serve()
    control(s).unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(control(s)))
        s.stop()
        assert control(s).exists()


def test_a_file_that_is_no_socket_is_not_touched(serve):
    s = serve(start=False)
    control(s).write_text("precious")
    s.start()
    assert control(s).read_text() == "precious"
    assert "ontrol socket" not in s.log()
    s.stop()
    assert control(s).read_text() == "precious"


def test_a_home_that_cannot_be_written_to_is_no_trouble(serve):
    s = serve(env={"XDG_RUNTIME_DIR": None, "HOME": "/proc/no/such"})
    s.stop()
    assert "ontrol socket" not in s.log()


def test_at_debug_level_the_reason_is_told(serve):
    s = serve("zoo:app", "--log-level", "debug", env={"XDG_RUNTIME_DIR": "/proc/no/such"})
    s.stop()
    lines = [line for line in s.log().splitlines() if "No control socket at" in line]
    assert len(lines) == 1 and "[DEBUG] No control socket at /proc/no/such/gunicorn.ctl" in lines[0]


def test_a_place_that_was_asked_for_and_cannot_be_had_is_an_error_line(serve):
    s = serve("zoo:app", "--control-socket", "/proc/no/such.ctl")
    assert fetch(s, "/ping").status == 200
    assert s.log().count("[ERROR] No control socket at /proc/no/such.ctl: ") == 1


def test_settings_of_the_socket(serve):
    s = serve("zoo:app", "--control-socket", "run/my.ctl", "--control-socket-mode", "0660")
    path = s.dir / "run" / "my.ctl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    config = ask(path, "show config")
    assert config["control_socket"] == "run/my.ctl" and config["proc_name"] == "zoo:app"


def test_every_socket_of_a_listener_is_listed(serve):
    s = serve("zoo:app", "--reuse-port", workers=2)
    rows = ask(control(s), "show listeners")["listeners"]
    assert [row["address"] for row in rows] == [f"http://127.0.0.1:{s.port}"] * 2
    assert rows[0]["fd"] != rows[1]["fd"]


def test_without_a_control_socket_there_is_none(serve):
    s = serve("zoo:app", "--no-control-socket")
    assert not control(s).exists() and "ontrol socket" not in s.log()
    done = licornectl("show", "stats", env={"XDG_RUNTIME_DIR": s.dir})
    assert done.returncode == 1
    assert done.stderr == f"Error: No server answers at {control(s)}: No such file or directory\n"


# A server that has started its successor (USR2), as its successor sees it.
OLD_MASTER = """
import os, socket, subprocess, sys
path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
env = {**os.environ, "GUNICORN_PID": str(os.getpid())}
new = subprocess.Popen(sys.argv[2:], env=env)
print(new.pid, flush=True)
sys.stdin.readline()
listener.close()
os.unlink(path)
"""


def test_a_successor_gets_the_name_when_the_old_server_has_gone(tmp_path):
    path, log = tmp_path / "gunicorn.ctl", tmp_path / "log"
    server = [sys.executable, "-m", "licorne", "-b", f"127.0.0.1:{free_port()}", "zoo:app"]
    with open(log, "wb") as err:
        old = subprocess.Popen(
            [sys.executable, "-c", OLD_MASTER, str(path), *server],
            env=environment(extra={"TEST_DIR": tmp_path, "XDG_RUNTIME_DIR": tmp_path}),
            cwd=APPS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
    new = int(old.stdout.readline())
    try:
        own = tmp_path / f"gunicorn.{new}.ctl"
        wait_until(own.exists, 10, "its own name")
        assert ask(own, "show stats")["pid"] == new
        old.stdin.write("go\n")
        old.stdin.flush()
        old.wait(deadline(10))
        wait_until(lambda: not own.exists() and path.exists(), 10, "the name has moved")
        assert ask(path, "show stats")["pid"] == new
        assert f"[INFO] Control socket listening at {path}\n" in log.read_text()
    finally:
        old.kill()
        old.wait()
        old.stdin.close()
        old.stdout.close()
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: not path.exists(), 10, "the successor has gone")


# --- licornectl ------------------------------------------------------------------------------------


def test_licornectl_shows_and_orders(serve):
    s = serve(workers=2)
    booted(s, 2)
    where = ("-s", control(s))
    shown = licornectl(*where, "show", "workers").stdout
    assert shown.splitlines()[0].split()[:4] == ["PID", "AGE", "BOOTED", "LAST_BEAT"]
    assert all(str(pid) in shown for pid in s.worker_pids())
    done = licornectl(*where, "worker", "add", "--json")
    assert (done.returncode, json.loads(done.stdout)["total"]) == (0, 3)
    assert json.loads(licornectl(*where, "-j", "show stats").stdout)["workers_target"] == 3
    assert "Workers target:   3" in licornectl(*where, "-c", "show stats").stdout


def test_licornectl_says_what_failed(serve):
    s = serve()
    where = ("-s", control(s))
    done = licornectl(*where, "worker", "kill", "1")
    assert done.returncode == 1 and "Worker 1 not found" in done.stdout
    done = licornectl(*where, "bogus")
    assert done.returncode == 1
    assert done.stderr == "Error: Invalid argument: Unknown command: bogus\n"
    done = licornectl("--nope")
    assert done.returncode == 2 and "usage: licornectl" in done.stderr


def test_licornectl_reads_commands_line_by_line(serve):
    s = serve()
    done = licornectl("-s", control(s), stdin="show stats\n\nshow dirty\nquit\nbogus\n")
    assert done.returncode == 0
    assert "Workers current:" in done.stdout and "Dirty arbiter not running" in done.stdout
    done = licornectl("-s", control(s), stdin="bogus\nshow stats\n")
    assert done.returncode == 1 and not done.stdout
