"""The same configuration and requests under Gunicorn and Licorne: the logs say the same."""

import os
import re
import socket

import pytest
from support import real_gunicorn
from support import server as servers
from support.clock import deadline, wait_until
from support.rawhttp import Client, fetch

pytestmark = pytest.mark.licorne_only  # both are started here

KINDS = ("gunicorn", "licorne")


def server(kind, **kw):
    """A server of the kind that is asked for, with one sync worker."""
    theirs = real_gunicorn.path()
    if theirs is None:
        pytest.skip("Gunicorn cannot be installed from here")
    env = {"PYTHONPATH": os.pathsep.join([str(servers.APPS), str(theirs)])}
    env = env if kind == "gunicorn" else {}
    return servers.Server(app="loggable:app", kind=kind, threads=0, env=env, **kw)


def run(kind, play, **kw):
    """What play(server) returns; the server is stopped afterwards."""
    s = server(kind, **kw)
    try:
        s.start()
        result = play(s)
        s.stop(expect_errors=True)
        return result
    finally:
        s.kill()
        s.cleanup()


def both(play, **kw):
    found = [run(kind, play, **kw) for kind in KINDS]
    assert found[0] == found[1]
    return found[0]


def masked(text):
    """Without what differs from run to run."""
    text = re.sub(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "TIME", text)
    text = re.sub(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]", "[TIME]", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    return re.sub(r"\b\d{3,}\b(?=\)|\]|$|: )", "PID", text, flags=re.M)


def wait_out(s, count):
    wait_until(lambda: s.out().count("\n") >= count, 10, f"{count} access lines")
    return s.out().splitlines()


FORM = (
    "%(h)s %(l)s %(u)s %(t)s %(r)s %(m)s %(U)s %(q)s %(H)s %(s)s %(b)s %(B)s %(f)s %(a)s %(T)s "
    "%({X-Test}i)s %({x-app}o)s %({SERVER_PROTOCOL}e)s %({http_x_test}e)s %({no}i)s %(none)s"
)


@pytest.mark.parametrize("path", ["engine", "python"])
def test_atoms(path):
    extra = "import loggable\nlogger_class = 'loggable.heard'\n" if path == "python" else ""

    def play(s):
        fetch(s, "/a%20b?x=%20", headers={"X-Test": "1", "Referer": "r", "User-Agent": "u"})
        fetch(s, "/b", headers={"Authorization": "Basic dTpw", "User-Agent": 'q"uote'})
        fetch(s, "/empty", method="HEAD")
        fetch(s, "/raise")
        return [masked(line) for line in wait_out(s, 4)][:3]

    conf = f"{extra}accesslog = '-'\naccess_log_format = {FORM!r}\n"
    lines = both(play, conf=conf)
    assert lines[0].startswith("127.0.0.1 - - [TIME] GET /a%20b?x=%20 HTTP/1.1 GET /a b x=%20 ")


def test_what_a_logger_class_is_called_with():
    def play(s):
        fetch(s, "/a%20b?x=%20", headers={"X-Test": "1", "X-test": "2"})
        text = s.wait_for_mark("called")
        return masked(text)

    both(play, conf="logger_class = 'loggable.Calls'\n")


CONFIGURED = """
logconfig_dict = {
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["error_console"], "propagate": False},
        "gunicorn.access": {"level": "INFO", "handlers": ["console"], "propagate": True},
    },
    "formatters": {"generic": {"format": "%(name)s %(levelname)s %(message)s"}},
}
access_log_format = "%(m)s %(U)s"
"""


@pytest.mark.parametrize(
    "conf",
    [CONFIGURED, "accesslog = '-'\n" + CONFIGURED, "logconfig_dict = {'version': 1}\n"],
)
def test_logconfig(conf):
    def play(s):
        fetch(s, "/x")
        with Client(s) as c:
            c.send(b"BAD\r\n\r\n").expect_gone()
        wait_until(lambda: "BAD" in s.log(), 10, "the refusal's line")
        lines = [masked(line) for line in wait_out(s, 2)]
        errors = [masked(line) for line in s.log().splitlines()]
        shown = [line for line in errors if "Booting" in line or "'BAD'" in line]
        return [line for line in lines if "/x" in line], shown

    both(play, conf=conf)


def received(sock, last):
    sock.settimeout(deadline(10))
    found = []
    while not (found and last in found[-1]):
        found.append(sock.recv(4096))
    return found


def test_statsd():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def play(s):
            fetch(s, "/x")
            found = received(sock, b"status.200")
            fetch(s, "/raise")
            found += received(sock, b"status.500")
            with Client(s) as c:
                c.send(b"BAD\r\n\r\n").expect_gone()
            found += received(sock, b"log.warning")
            while b"backlog" not in found[-1]:
                found += received(sock, b"backlog")
            # How long a request took, and how many clients were just waiting, is chance.
            return {re.sub(rb":[0-9.]+\|(ms|h)", rb":N|\1", f).decode() for f in found}

        args = (
            *("--statsd-host", f"127.0.0.1:{sock.getsockname()[1]}", "--statsd-prefix", "a.b"),
            *("--dogstatsd-tags", "t:1", "--enable-backlog-metric"),
        )
        assert "a.b.gunicorn.workers:1|g|#t:1" in both(play, args=args)


def test_syslog():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def play(s):
            fetch(s, "/x")
            found = received(sock, b"access")
            with Client(s) as c:
                c.send(b"BAD\r\n\r\n").expect_gone()
            found += received(sock, b"'BAD'")
            texts = [masked(f.decode().rstrip("\0")) for f in found]
            return [t for t in texts if "Booting" in t or "access" in t or t.endswith("'BAD'")]

        address = f"udp://127.0.0.1:{sock.getsockname()[1]}"
        args = ("--log-syslog", "--log-syslog-to", address, "--access-logformat", "%(m)s %(U)s")
        lines = both(play, args=args)
        assert any(".access: " in line for line in lines)


def test_lines_of_a_life():
    def play(s):
        fetch(s, "/raise")
        s.wait_log("ValueError: no")
        s.stop(expect_errors=True)
        text = re.sub(r"(?m)^(  |Traceback|ValueError).*\n", "", s.log())
        lines = [line for line in text.splitlines() if "PROBE" not in line]
        lines = [line for line in lines if "Control socket" not in line]  # it is started without
        return [re.sub("(gunicorn|licorne) [0-9.]+", "SERVER", masked(line)) for line in lines]

    lines = both(play)
    for wanted in ("Starting SERVER", "Booting worker", "Worker exiting", "Shutting down: Master"):
        assert any(wanted in line for line in lines)


@pytest.mark.parametrize(
    "args",
    [
        ("--error-logfile", "/no/such/file"),
        ("--access-logfile", "/no/such/file"),
        ("--log-config", "/no/such/file"),
        ("--log-syslog", "--log-syslog-facility", "weather"),
        ("--log-syslog", "--log-syslog-to", "smoke://x"),
        ("--logger-class", "no.such"),
    ],
)
def test_exit_codes(args):
    def code(kind):
        s = server(kind, args=args)
        try:
            return s.run_to_exit()
        finally:
            s.cleanup()

    assert [code(kind) for kind in KINDS] == [1, 1]
