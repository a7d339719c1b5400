"""The access log: what its lines say, and that nothing it meets holds up a request."""

import base64
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

import pytest
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch, request

ALL = (
    "%(h)s|%(l)s|%(u)s|%(t)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(b)s|%(B)d|%(f)s|%(a)s|"
    "%(T)s|%(D)s|%(M)s|%(L)s|%(p)s|%({X-Test}i)s|%({x-test}i)s|%({missing}i)s|%({Content-Type}o)s|"
    "%({missing}o)s|%({REMOTE_ADDR}e)s|%({HTTP_X_TEST}e)s|%({missing}e)s|%(what)s|%%|%(m)6s|%(m)-6s"
)
STAMP = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"


def start(serve, *args, **kw):
    """A server with an access log in its folder, as s.access."""
    s = serve("zoo:app", start=False, **kw)
    s.access = s.dir / "access.log"
    s.args = ("--access-logfile", str(s.access), *args)
    return s.start()


def lines_of(s, n=1, seconds=10):
    """The whole lines of the log, once there are n."""
    wait_until(
        lambda: s.access.exists() and s.access.read_text("latin-1").count("\n") >= n,
        seconds,
        f"{n} lines in the access log",
    )
    text = s.access.read_text("utf-8", "surrogateescape")
    assert text.endswith("\n")
    return text.split("\n")[:-1]


# --- what a line says


@pytest.mark.asan_ci
def test_every_atom(serve):
    s = start(serve, "--access-logformat", ALL)
    user = base64.b64encode(b"anna:secret").decode()
    headers = {
        "Authorization": f"Basic {user}",
        "Referer": "http://from/here",
        "User-Agent": "agent/1.0",
        "X-Test": "yes",
    }
    fetch(s, "/ping/%7Ea?x=1&y=%20", headers=headers)
    (line,) = lines_of(s)
    values = line.split("|")
    assert values[:3] == ["127.0.0.1", "-", "anna"]
    assert re.fullmatch(STAMP, values[3])
    assert values[4:14] == [
        "GET /ping/%7Ea?x=1&y=%20 HTTP/1.1",
        "GET",
        "/ping/~a",
        "x=1&y=%20",
        "HTTP/1.1",
        "200",
        "4",
        "4",
        "http://from/here",
        "agent/1.0",
    ]
    seconds, micros, millis, decimal, pid = values[14:19]
    assert seconds == "0" and int(micros) // 1000 == int(millis)
    assert re.fullmatch(r"0\.\d{6}", decimal) and int(decimal[2:]) == int(micros)
    assert pid == f"<{s.worker_pids()[0]}>"
    assert values[19:] == [
        *("yes", "yes", "-", "text/plain", "-", "127.0.0.1", "yes", "-", "-", "%"),
        *("   GET", "GET   "),
    ]


def test_the_default_format_and_a_missing_field(serve):
    s = start(serve)
    with Client(s) as c:
        c.send(request("/ping", version="HTTP/1.0")).read_response()
    (line,) = lines_of(s)
    assert re.fullmatch(rf'127\.0\.0\.1 - - {STAMP} "GET /ping HTTP/1\.0" 200 4 "-" "-"', line), (
        line
    )


@pytest.mark.asan_ci
def test_what_the_environ_says(serve):
    names = "REQUEST_METHOD RAW_URI PATH_INFO QUERY_STRING SERVER_PROTOCOL SERVER_NAME SERVER_PORT"
    names += " SERVER_SOFTWARE CONTENT_TYPE CONTENT_LENGTH wsgi.url_scheme wsgi.multithread"
    names += " wsgi.multiprocess REMOTE_ADDR REMOTE_PORT SCRIPT_NAME HTTP_HOST"
    shape = "|".join(f"%({{{name}}}e)s" for name in names.split())
    s = start(serve, "--access-logformat", shape)
    with Client(s) as c:
        r = c.get("/environ/a?b=c", "POST", body=b"xyz", headers={"Content-Type": "text/x"})
        assert r.status == 200
    (line,) = lines_of(s)
    seen = json.loads(r.text)["values"]
    for name, logged in zip(names.split(), line.split("|"), strict=True):
        assert logged == str(seen[name]), name


@pytest.mark.licorne_only  # gunicorn has them in Python, where its environ is
def test_what_only_python_s_environ_holds_is_named_at_the_start(serve):
    s = start(serve, "--access-logformat", "%({wsgi.input}e)s %({my.key}e)s %({HTTP_X}e)s")
    for name in ("wsgi.input", "my.key"):
        assert f"access_log_format: %({{{name}}}e)s will be '-'" in s.log()
    assert "HTTP_X" not in s.log()
    fetch(s, "/ping")
    assert lines_of(s) == ["- - -"]


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn escapes quotes alone: a decoded path can forge a line there
def test_no_request_can_forge_a_line(serve):
    s = start(serve, "--access-logformat", '"%(U)s" "%(a)s" "%(u)s"')
    user = base64.b64encode(b"a\nb:x").decode()
    headers = {"User-Agent": 'a"b\\" \x80\tc', "Authorization": f"Basic {user}"}
    fetch(s, "/ping/%0a127.0.0.1%00%1b%22%5c%c3%a9%e9", headers=headers)
    assert lines_of(s) == [
        r'"/ping/\x0a127.0.0.1\x00\x1b\"\\' + 'é\\xe9" ' + r'"a\"b\\\" \x80\x09c" "a\x0ab"'
    ]


@pytest.mark.asan_ci
def test_errors_have_their_status(serve):
    s = start(serve, "--access-logformat", "%(s)s %(r)s", expect_errors=True)
    assert fetch(s, "/raises").status == 500
    assert fetch(s, "/nowhere").status == 404
    with Client(s) as c:
        c.send(request("/raises_midway")).expect_gone()
    assert lines_of(s, 3) == [
        "500 GET /raises HTTP/1.1",
        "404 GET /nowhere HTTP/1.1",
        "200 GET /raises_midway HTTP/1.1",
    ]


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn has lines of some refusals only
def test_refusals_have_a_line_if_their_request_line_was_understood(serve):
    s = start(serve, "--access-logformat", "%(s)s %(m)s %(U)s")
    for bad in (b"GET /no-version\r\n\r\n", b"GET /field HTTP/1.1\r\nA b: c\r\n\r\n"):
        with Client(s) as c:
            c.send(bad)
            assert c.read_response().status == 400
    fetch(s, "/ping")
    assert lines_of(s, 2) == ["400 GET /field", "200 GET /ping"]


@pytest.mark.licorne_only  # health_path is its own
def test_what_the_engine_answers_is_logged_too(serve):
    s = start(serve, "--access-logformat", "%(s)s %(U)s %(b)s", "--health-path", "/-/health")
    fetch(s, "/ping")  # before that it may be 503: the application is imported
    fetch(s, "/-/health")
    assert set(lines_of(s, 2)) == {"200 /ping 4", "200 /-/health 3"}


def test_the_duration_is_that_of_the_call(serve):
    s = start(serve, "--access-logformat", "%(D)s %(L)s")
    with Client(s) as c:
        c.send(request("/long_call"))
        s.wait_for_mark("began")
        time.sleep(0.2)  # what is measured
        (s.dir / "release").touch()
        assert c.read_response().body == b"done"
    micros, seconds = lines_of(s)[0].split()
    assert 200_000 <= int(micros) < deadline(10) * 1e6 and float(seconds) >= 0.2


# --- when it is written


MODES = {"sync": (), "gthread": ("--threads", "4"), "no-inline": ("--threads", "4", "--no-inline")}


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # options of its own
@pytest.mark.parametrize("mode", MODES)
def test_a_line_is_there_as_soon_as_its_answer_nearly(serve, mode):
    s = start(serve, "--access-logformat", "%(U)s", *MODES[mode])
    with Client(s) as c:
        for i in range(5):
            c.get(f"/ping/{i}")
            lines_of(s, i + 1, seconds=0.5)  # a wait for events may last a second
    assert lines_of(s, 5) == [f"/ping/{i}" for i in range(5)]


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_a_call_that_takes_long_keeps_no_line_back(serve):
    s = start(serve, "--access-logformat", "%(s)s %(U)s", "--health-path", "/up")
    with Client(s) as one, Client(s) as two, Client(s) as three:
        for c in (one, two, three):
            c.get("/ping")
        two.send(request("/ping/before"))
        one.send(request("/long_call"))
        s.wait_for_mark("began")
        two.read_response()
        three.get("/up")
        wait_until(lambda: len(lines_of(s, 3)) == 5, 2, "the lines beside the long call")
        (s.dir / "release").touch()
        one.read_response()
    assert sorted(lines_of(s, 6)[3:]) == ["200 /long_call", "200 /ping/before", "200 /up"]


# --- where it goes


def slow_requests(s, n, size=3000):
    """n requests whose lines are long; returns how long the slowest took."""
    slowest = 0
    with Client(s) as c:
        for i in range(n):
            began = time.monotonic()
            assert c.get(f"/ping/{i}", headers={"User-Agent": "u" * size}).body == b"pong"
            slowest = max(slowest, time.monotonic() - began)
    return slowest


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn writes a traceback for each line
def test_a_full_disk_stops_nobody(serve):
    s = serve("zoo:app", "--access-logfile", "/dev/full")
    slow_requests(s, 300)
    s.wait_log(r"\[WARNING\] The access log loses lines: no space is left \(\d+ lost so far\)")
    slow_requests(s, 300)
    assert s.log().count("loses lines") == 1


def read_some(reader):
    assert select.select([reader], [], [], deadline(10))[0], "nothing came through the pipe"
    return os.read(reader, 65536)


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_a_closed_pipe_stops_nobody(serve, fifo):
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    s = serve("zoo:app", "--access-logfile", str(fifo))
    fetch(s, "/ping")
    assert read_some(reader)
    os.close(reader)
    slow_requests(s, 300)
    s.wait_log(r"\[WARNING\] The access log loses lines: nobody reads it any more")
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # somebody comes again
    again = "[WARNING] The access log works again ("
    wait_until(lambda: fetch(s, "/ping") and again in s.log(), 10, "it is tried once in a while")
    os.close(reader)
    assert s.log().count("loses lines") == 1


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # gunicorn waits for the reader
def test_a_stopped_reader_stops_nobody(serve, fifo, tmp_path):
    whole = tmp_path / "whole"
    with open(whole, "wb") as out:
        reader = subprocess.Popen(["cat", str(fifo)], stdout=out)
    try:
        # Standard output itself, as a shell's pipe would be: shared, and blocking.
        shell = ("sh", "-c", f'exec "$@" >{fifo}', "sh")
        s = serve("zoo:app", "--access-logfile", "-", launcher=shell)
        fetch(s, "/ping")
        wait_until(lambda: whole.stat().st_size, 10, "a line")
        reader.send_signal(signal.SIGSTOP)
        n = 600  # more than the pipe and the buffer hold
        assert slow_requests(s, n) < deadline(2)
        s.wait_log(r"\[WARNING\] The access log loses lines: its reader is too slow")
        for pid in (s.pid, *s.worker_pids()):
            info = pathlib.Path(f"/proc/{pid}/fdinfo/1").read_text()
            flags = re.search(r"flags:\s+(\d+)", info)[1]
            assert not int(flags, 8) & os.O_NONBLOCK, "standard output is not the server's alone"
        reader.send_signal(signal.SIGCONT)
        fetch(s, "/ping/last")
        s.wait_log(r"\[WARNING\] The access log works again \((\d+) lines were lost\)")
        lost = int(re.search(r"(\d+) lines were lost", s.log())[1])
        s.stop()
    finally:
        reader.send_signal(signal.SIGCONT)
        reader.wait(deadline(10))
    lines = whole.read_text().split("\n")
    assert lines.pop() == "" and len(lines) == n + 2 - lost and 0 < lost < n
    assert all(re.fullmatch(r'127\.0\.0\.1 - - .*"(u+|-)"', line) for line in lines)


@pytest.mark.asan_ci
@pytest.mark.licorne_only  # writes of several gunicorn workers mix where lines are long
def test_lines_of_many_at_once_stay_whole(serve, fifo, tmp_path):
    whole = tmp_path / "whole"
    with open(whole, "wb") as out:
        reader = subprocess.Popen(["cat", str(fifo)], stdout=out)
    shape = "%(q)s %(a)s end"
    s = serve("zoo:app", "--access-logfile", str(fifo), "--access-logformat", shape, workers=2)
    rounds, width = 5, 200
    clients = [Client(s) for _ in range(width)]
    for turn in range(rounds):
        for i, c in enumerate(clients):
            c.send(request(f"/ping?{turn}.{i}", headers={"User-Agent": "u" * (i * 7 % 3000 + 1)}))
        for c in clients:
            assert c.read_response().body == b"pong"
    for c in clients:
        c.close()
    s.stop()
    reader.wait(deadline(10))
    lines = whole.read_text().split("\n")
    assert lines.pop() == ""
    seen = [re.fullmatch(r"(\d+)\.(\d+) u+ end", line) for line in lines]
    assert all(seen)
    assert sorted((int(m[1]), int(m[2])) for m in seen) == [
        (turn, i) for turn in range(rounds) for i in range(width)
    ]


@pytest.mark.asan_ci
@pytest.mark.licorne_only
def test_a_line_too_long_for_a_pipe_is_cut_in_its_longest_field(serve, fifo):
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    s = serve("zoo:app", "--access-logfile", str(fifo))
    fetch(s, "/ping", headers={"User-Agent": "u" * 6000})
    line = read_some(reader)
    os.close(reader)
    assert len(line) == 4096
    assert line.startswith(b"127.0.0.1 - - [") and line.endswith(b'uuu..."\n')


def test_a_long_line_in_a_file_is_whole(serve):
    s = start(serve)
    fetch(s, "/ping", headers={"User-Agent": "u" * 6000})
    assert lines_of(s)[0].endswith(f'"{"u" * 6000}"')


@pytest.mark.asan_ci
def test_usr1_after_rotation_begins_a_new_file(serve):
    s = start(serve, "--access-logformat", "%(U)s", workers=2)
    with Client(s) as c:
        c.get("/ping/before")
        lines_of(s)
        old = s.access.rename(s.dir / "access.1")
        c.get("/ping/between")
        wait_until(lambda: old.read_text().count("\n") == 2, 10, "the line in the old file")
        s.signal(signal.SIGUSR1)
        wait_until(s.access.exists, 10, "the new file")
        here = [f"/proc/{pid}/fd" for pid in s.worker_pids()]
        wait_until(
            lambda: (
                not any(str(old) == os.readlink(f"{d}/{n}") for d in here for n in os.listdir(d))
            ),
            10,
            "no worker with the old file",
        )
        c.get("/ping/after")
        assert lines_of(s) == ["/ping/after"]
    assert old.read_text() == "/ping/before\n/ping/between\n"


# --- how it is set


def test_a_file_that_cannot_be_written_ends_the_start(serve):
    s = serve("zoo:app", "--access-logfile", "/nowhere/x", start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert "Error: '/nowhere/x' isn't writable [FileNotFoundError" in s.log()


@pytest.mark.licorne_only  # gunicorn starts, and writes a traceback for each request
@pytest.mark.parametrize("shape", ["%(h)s %", "%h", "%(s)d", "%(h)"])
def test_a_format_that_gives_no_line_ends_the_start(serve, shape):
    s = serve("zoo:app", "--access-logformat", shape, start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    text = s.log()
    assert "access_log_format" in text and shape in text and "percent sign is written %%" in text


def test_without_a_setting_there_is_no_log(serve):
    s = serve("zoo:app")
    fetch(s, "/ping")
    assert s.out() == ""
