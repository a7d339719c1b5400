"""Boots that fail: at the first start the server ends; later it goes on, tries again, and says why."""

import os
import re
import signal
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import fetch
from support.server import is_running

pytestmark = pytest.mark.licorne_only  # gunicorn stops all, or forks without end

FAILURES = [
    ("raises", "exit code 3", "RuntimeError: broken while it runs"),
    ("hides", "exit code 4", "Failed to find attribute 'app' in 'boots'."),
    ("exits 7", "exit code 7", "this boot exits 7"),
    ("exits 3", "exit code 3", "this boot exits 3"),
    ("segfaults", "SIGSEGV", "in crash_here"),
    ("aborts", "SIGABRT", "boots.py"),
]


def who(server):
    """(pid, index) of a worker that answers."""
    pid, index = fetch(server, "/").text.split()
    return int(pid), int(index)


def boots(server):
    """When each boot so far began."""
    return [float(line.split()[0]) for line in (server.dir / "boots").read_text().splitlines()]


def broken(serve, how, args=(), **kw):
    """A server of three workers whose next boots fail in this way."""
    s = serve("boots:app", *args, expect_errors=True, may_crash=True, workers=3, start=False, **kw)
    s.spawn()
    s.wait_ready()
    wait_until(lambda: len(boots(s)) == 3, 10, "three boots")
    pids = s.worker_pids()
    (s.dir / "boot").write_text(how)
    return s, pids


def report(server, words):
    """The record about a failed boot, once it is there: up to the next line of the log."""
    found = server.wait_log(rf"failed to boot, at (.*): {words}; next try in [\d.]+ s\. ")
    return found.group(1), server.log()[found.end() :].split("\n[", 1)[0]


@pytest.mark.parametrize("how, words, cause", FAILURES)
def test_failing_boots_of_a_running_server_are_told_and_tried_again(serve, how, words, cause):
    s, pids = broken(serve, how)
    os.kill(pids[0], signal.SIGKILL)
    step, text = report(s, words)
    assert cause in text, text
    assert step == (
        "the look for the application in its module"
        if how == "hides"
        else "the import of the application"
    )
    assert {who(s)[0] for _ in range(10)} <= set(pids[1:])
    (s.dir / "boot").write_text("")
    wait_until(lambda: len(s.worker_pids()) == 3, 20, "the third worker")
    assert not is_running(pids[0]) and all(map(is_running, pids[1:]))
    for pid in pids[1:]:  # the new one alone is left to answer, or those that follow them
        os.kill(pid, signal.SIGKILL)
    assert who(s)[0] not in pids


def test_failing_boots_make_fewer_than_two_forks_a_second(serve):
    """Of the whole server, however many slots are empty."""
    s, pids = broken(serve, "raises")
    for pid in pids[:2]:
        os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    wait_until(lambda: len(boots(s)) >= 3 + 6, 30, "six more boots", 0.1)
    times = [t for t in boots(s)[3:] if t > began]
    # The first fork of each was at once: nothing had failed yet.
    later = times[2:]
    assert later[-1] - later[0] > 0.5 * (len(later) - 1), times
    waits = [float(w) for w in re.findall(r"next try in ([\d.]+) s", s.log())]
    assert max(waits) >= 2, waits
    assert who(s)[0] == pids[2]
    assert "Reason:" not in s.log()


def test_the_report_keeps_the_last_lines(serve):
    s, pids = broken(serve, "talks")
    os.kill(pids[0], signal.SIGKILL)
    _, text = report(s, "exit code 3")
    assert len(text.splitlines()) <= 41
    assert "the last word" in text and "line 0 of" not in text


def test_the_report_with_a_log_file_has_the_traceback_too(serve, tmp_path):
    s, pids = broken(serve, "raises", conf=f"errorlog = {str(tmp_path / 'log')!r}\n")
    os.kill(pids[0], signal.SIGKILL)
    log = tmp_path / "log"
    wait_until(lambda: "failed to boot" in log.read_text(), 10, "the report")
    text = log.read_text().split("failed to boot")[1]
    assert "in <module>" in text and "RuntimeError: broken while it runs" in text
    assert "this boot raises" in s.log()  # descriptor 2 is the inherited one all the time


@pytest.mark.parametrize(
    "how, status, words",
    [
        ("raises", 3, None),
        ("hides", 4, None),
        ("exits 7", 3, "exit code 7"),
        ("segfaults", 3, "SIGSEGV"),
        ("aborts", 3, "SIGABRT"),
    ],
)
def test_a_first_boot_that_fails_ends_the_server(serve, how, status, words):
    s = serve("boots:app", expect_errors=True, may_crash=True, start=False)
    (s.dir / "boot").write_text(how)
    assert s.run_to_exit() == status
    reason = "App failed to load." if status == 4 else "Worker failed to boot."
    assert f"[ERROR] Reason: {reason}" in s.log()
    assert len(boots(s)) == 1
    if words:
        assert re.search(rf"failed to boot, at the import of the application: {words}\. ", s.log())
    if how == "segfaults":
        assert "in crash_here" in s.log()


def test_a_boot_that_succeeds_ends_the_wait_of_the_others(serve):
    """Also without a timeout, when nothing else makes the master look at its workers."""
    s, pids = broken(serve, "raises", args=("-t", "0"))
    os.kill(pids[0], signal.SIGKILL)
    s.wait_log(r"next try in 8\.\d s", 20)
    (s.dir / "boot").write_text("")
    before = len(boots(s))
    os.kill(pids[1], signal.SIGKILL)  # its successor is the first to find the boot mended
    wait_until(lambda: len(boots(s)) == before + 2, 15, "both")
    times = boots(s)
    assert times[-1] - times[-2] < deadline(3), times


def test_stacks_go_where_the_environment_says(serve):
    """PYTHONFAULTHANDLER is the operator's wish: descriptor 2, as ever."""
    s, pids = broken(serve, "segfaults", env={"PYTHONFAULTHANDLER": "1"})
    os.kill(pids[0], signal.SIGKILL)
    _, text = report(s, "SIGSEGV")
    assert "crash_here" not in text and "this boot segfaults" in text
    assert "in crash_here" in s.log()


def test_a_stop_while_boots_fail_is_heeded_at_once(serve):
    s, pids = broken(serve, "raises")
    os.kill(pids[0], signal.SIGKILL)
    report(s, "exit code 3")
    began = time.monotonic()
    s.signal(signal.SIGTERM)
    assert s.wait_exit() == 0
    assert time.monotonic() - began < deadline(3)


def test_sys_stderr_is_the_same_after_the_boot(serve, tmp_path):
    """Handlers that keep the stream, and code that keeps its write, go on as if nothing had been."""
    (tmp_path / "keeps.py").write_text(
        "import logging, sys\n"
        "kept, write = sys.stderr, sys.stderr.write\n"
        "logging.basicConfig(stream=sys.stderr, format='%(message)s')\n"
        "def app(environ, start_response):\n"
        "    write('by the kept write\\n')\n"
        "    logging.warning('by the handler')\n"
        "    start_response('200 OK', [])\n"
        "    same = kept is sys.stderr is sys.__stderr__ and 'write' not in vars(sys.stderr)\n"
        "    return [str(same).encode()]\n"
    )
    s = serve("keeps:app", "--chdir", tmp_path)
    assert fetch(s, "/").body == b"True"
    assert s.log().count("by the kept write") == s.log().count("by the handler") == 1
