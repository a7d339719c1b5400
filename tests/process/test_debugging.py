"""What shows how the server was started, and what it runs."""

import re

from licorne.config.settings import BY_NAME
from support.daemons import ask
from support.rawhttp import fetch


def test_start_lines(serve):
    s = serve("zoo:app")
    lines = [line.partition("] [INFO] ")[2] for line in s.log().splitlines()]
    assert re.fullmatch(r"Starting \w+ [\w.]+", lines[0])
    assert lines[1] == f"Listening at: http://127.0.0.1:{s.port} ({s.pid})"
    assert re.fullmatch(r"Using worker: (sync|gthread)", lines[2])
    assert lines[3].startswith("Control socket listening at ")
    assert lines[4] == f"Booting worker with pid: {s.worker_pids()[0]}"
    stamp = rf"\[\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{{4}}\] \[{s.pid}\] \[INFO\] Starting "
    assert re.match(stamp, s.log())


def test_the_whole_configuration_at_debug_level(serve):
    s = serve("zoo:app", "--log-level", "debug", "-w", "1")
    head, _, rest = s.log().partition("[DEBUG] Current configuration:\n")
    assert rest, "no such record"
    dump = []
    for line in rest.splitlines():
        if not line.startswith("  "):
            break
        dump.append(line)
    names = [line[2:].partition(": ")[0].rstrip(":") for line in dump]
    assert names == list(BY_NAME)
    assert f"  bind: ['127.0.0.1:{s.port}']" in dump
    assert "  workers: 1" in dump and "  loglevel: debug" in dump
    assert rest.index("Starting ") > rest.index("  bind:")


def test_it_is_not_shown_otherwise(serve):
    assert "Current configuration" not in serve("zoo:app").log()


def test_spew_prints_the_lines_that_run(serve):
    s = serve("mechanics:app", "--spew")
    assert ask(s)["pid"]
    out = s.out()
    assert re.search(r"^mechanics:\d+:     old = os\.umask\(0\)$", out, re.M)
    assert re.search(r"^licorne\.\w+:\d+: ", out, re.M)


def test_spew_shows_threads_too(serve):
    s = serve("mechanics:app", "--spew", "--threads", "2")
    assert fetch(s, "/").status == 200
    assert re.search(r"^mechanics:\d+: +old = os.umask", s.out(), re.M)
