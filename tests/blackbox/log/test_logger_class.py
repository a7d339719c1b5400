"""logger_class: whose calls are made, and when the engine makes the lines itself."""

import json
import re

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch

pytestmark = pytest.mark.licorne_only  # the classes are derived from licorne's


def start(serve, name, *args, **kw):
    """A server with this logger class and an access log in its folder, as s.access."""
    s = serve("zoo:app", start=False, **kw)
    s.access = s.dir / "access.log"
    name = name if "." in name else f"loggers.{name}"
    s.args = ("--access-logfile", s.access, "--log-level", "debug", "--logger-class", name, *args)
    return s.start()


def lines(s, count):
    wait_until(
        lambda: s.access.exists() and s.access.read_text().count("\n") >= count, 10, "access lines"
    )
    return s.access.read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "access", "error"),
    [
        ("gunicorn.glogging.Logger", "C", "C"),
        ("licorne.glogging.Logger", "C", "C"),
        ("Quiet", "C", "C"),
        ("Extra", "Python, logger_class overrides atoms()", "C"),
        ("Stamped", "Python, logger_class overrides now()", "C"),
        ("NoHealth", "Python, logger_class overrides access()", "C"),
        ("factory", "Python, logger_class overrides access()", "C"),
        ("Filtered", "Python, gunicorn.access has filters", "C"),
        (
            "Json",
            "Python, gunicorn.access has a formatter of its own",
            "Python, gunicorn.error has a formatter of its own",
        ),
        (
            "Heard",
            "Python, logger_class overrides access()",
            "Python, logger_class overrides warning()",
        ),
    ],
)
def test_the_path_is_told_with_its_reason(serve, name, access, error):
    conf = "import loggers\nlogger_class = loggers.factory\n" if name == "factory" else None
    s = serve("zoo:app", start=False, conf=conf)
    chosen = name if "." in name else f"loggers.{name}"
    s.args = ("--access-logfile", "-", "--log-level", "debug")
    s.args += () if conf else ("--logger-class", chosen)
    s.spawn()
    s.wait_ready()
    text = s.log()
    if name == "Json":
        text = "\n".join(json.loads(line)["message"] for line in text.splitlines()) + "\n"
    assert f"access log: {access}\n" in text and f"error log: {error}\n" in text


@pytest.mark.asan_ci
def test_atoms_of_a_subclass_are_in_the_line(serve):
    form = (
        "%(x)s|%(s)s|%(U)s|%({X-Test}i)s|%({content-type}o)s|%({wsgi.input_terminated}e)s|%(n).3f"
    )
    s = start(serve, "Extra", "--access-logformat", form)
    fetch(s, "/ping/%7Ea?x=1", headers={"X-Test": "yes"})
    assert lines(s, 1) == [
        "200/200 OK/GET//ping/%7Ea/(1, 1)|200|/ping/~a|yes|text/plain|True|1.500"
    ]


def test_a_number_that_no_logger_gives_ends_the_start(serve):
    args = ("--access-logfile", "-", "--access-logformat", "%(n).3f")
    s = serve("zoo:app", *args, start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert "Error: %(n).3f is no number, unless a logger_class gives it" in s.log()


@pytest.mark.parametrize("args", [(), ("--preload",), ("--health-path", "/healthz")])
def test_what_the_application_does_to_the_loggers_counts(serve, args):
    s = serve("relogging:app", start=False)
    s.access = s.dir / "access.log"
    s.args = ("--access-logfile", s.access, "--log-level", "debug", *args)
    s.start()
    fetch(s, "/ping")
    wait_until(lambda: (s.dir / "mine").exists(), 10, "the handler of the application")
    wait_until(lambda: "GET /ping" in (s.dir / "mine").read_text(), 10, "its line")
    assert "GET /ping" in lines(s, 1)[-1]
    s.wait_log(r"access log: Python, gunicorn.access has 2 handlers")


def test_what_access_leaves_out_has_no_line(serve):
    s = start(serve, "NoHealth")
    fetch(s, "/health")
    fetch(s, "/ping")
    assert ["/ping" in line for line in lines(s, 1)] == [True]


def test_a_filter_hears_every_record(serve):
    s = start(serve, "Filtered")
    fetch(s, "/ping")
    fetch(s, "/nowhere")
    assert ["/nowhere" in line for line in lines(s, 1)] == [True]


def test_json_formatters_find_the_atoms_in_the_record(serve):
    s = start(serve, "Json")
    fetch(s, "/ping", headers={"X-Test": "yes"})
    assert json.loads(lines(s, 1)[0]) == {"path": "/ping", "x": "yes"}
    with Client(s) as c:
        c.send(b"BAD\r\n\r\n").expect_gone()
    wait_until(lambda: "'BAD'" in s.log(), 10, "the engine's own line")
    told = [json.loads(line) for line in s.log().splitlines()]
    assert {
        "level": "WARNING",
        "message": "Invalid request from ip=127.0.0.1: Invalid HTTP request line: 'BAD'",
    } in told


@pytest.mark.parametrize("args", [(), ("--threads", "4")])
def test_what_raises_in_access_is_told_and_ends_nobody(serve, args):
    s = start(serve, "Broken", *args, expect_errors=True)
    assert fetch(s, "/ping/bad").status == 200
    assert fetch(s, "/ping").status == 200
    assert len(lines(s, 1)) == 1
    s.wait_log("Exception in the access log")
    s.wait_log("ValueError: no line for this")
    assert "Worker exiting" not in s.log()


@pytest.mark.asan_ci
@pytest.mark.parametrize("args", [(), ("--threads", "4"), ("--no-inline",)])
def test_refusals_reach_a_logger_without_an_application(serve, args):
    s = start(serve, "Extra", "--access-logformat", "%(x)s|%(h)s|%(r)s|%(b)s|%(a)s", *args)
    with Client(s) as c:
        c.send(b"GET /z HTTP/1.1\r\nHost: a\r\nUser-Agent: u\r\nContent-Length: x\r\n\r\n")
        c.expect_gone()
    (line,) = lines(s, 1)
    assert re.fullmatch(
        r"400/400 Bad Request/GET//z/\(1, 1\)\|127\.0\.0\.1\|GET /z HTTP/1\.1\|\d+\|u", line
    )


def test_a_class_that_is_derived_from_nothing_gets_every_call(serve):
    s = serve("zoo:app", start=False)
    s.args = ("--access-logfile", "-", "--logger-class", "loggers.Told")
    s.spawn()
    s.wait_ready()
    told = s.dir / "told"
    assert fetch(s, "/ping?a=b").status == 200
    wait_until(lambda: "access 200 OK /ping?a=b 127.0.0.1\n" in told.read_text(), 10, "its line")
    wait_until(lambda: "warning Invalid request from ip=" in told.read_text(), 10, "the engine's")
    text = told.read_text()
    assert "info Starting licorne" in text and "info Booting worker with pid: " in text
    assert "warning Invalid request from ip=127.0.0.1: Invalid HTTP request line: 'PROBE'" in text
    s.stop()
    assert "info Shutting down: Master" in told.read_text()
    assert s.log() == ""


def test_install_is_called_first(serve):
    s = serve("zoo:app", "--logger-class", "loggers.Installed")
    assert s.wait_for_mark("installed") == "Installed"


@pytest.mark.parametrize("name", ["no.such.Class", "loggers.Missing", "nothing"])
def test_a_class_that_is_not_there_ends_the_start(serve, name):
    s = serve("zoo:app", "--logger-class", name, start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert f"Error: class uri {name!r} invalid or not found: " in s.log()


def test_both_paths_write_the_same_lines(serve):
    form = (
        '%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s %(B)s "%(f)s" "%(a)s" %(m)s %(U)s %(q)s %(H)s '
        "%({X-Odd}i)s %({content-type}o)s %({PATH_INFO}e)s %({HTTP_X_ODD}e)s %({no}e)s %({no}i)s %(zz)s"
    )
    requests = [
        b'GET /ping/%0a%22%5c%c3%a9%ff%c2%80?q=%20 HTTP/1.1\r\nHost: a\r\nX-Odd: a"\\\xc3\xa9\xff\r\n\r\n',
        b"GET /ping HTTP/1.0\r\nAuthorization: Basic dTpw\r\nX-Odd: 1\r\nx-odd: 2\r\n\r\n",
        b"HEAD /ping HTTP/1.1\r\nHost: a\r\nReferer: r\r\nUser-Agent: b\r\n\r\n",
        b"GET /raises HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /z HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\nX-Odd: \xff\r\n\r\n",
        b"GET /z?%C3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: what\r\n\r\n",
    ]
    texts = []
    for name in ("licorne.glogging.Logger", "loggers.Heard"):
        s = start(serve, name, "--access-logformat", form, expect_errors=True)
        for count, request in enumerate(requests, 1):
            with Client(s) as c:
                c.send(request)
                c.sock.recv(1000)
            lines(s, count)
        texts.append(s.access.read_text("utf-8").splitlines())
    assert texts[0] == texts[1] and len(texts[0]) == len(requests)
