"""licorne/log: atoms, addresses, metrics, and who makes the lines."""

import io
import logging
import os
import socket
from datetime import timedelta
from types import SimpleNamespace

import pytest
from licorne import glogging
from licorne.config import loader
from licorne.errors import ConfigError
from licorne.log import backlog, load, noted, paths
from licorne.log.atoms import SafeAtoms, escape, user_of
from licorne.log.statsd import Statsd

NAMES = ("gunicorn.error", "gunicorn.access")


def make_logger(words=""):
    for name in NAMES:
        logging.getLogger(name).handlers.clear()  # pytest puts its own there
    return glogging.Logger(make_config(words))


def make_config(words="", **values):
    config, _ = loader.load(words.split(), {})
    for name, value in values.items():
        config.set(name, value)
    return config


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in NAMES:
        log = logging.getLogger(name)
        log.filters.clear()
        log.propagate = False
        for handler in list(log.handlers):
            log.removeHandler(handler)
            handler.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ('a"b', 'a\\"b'),
        ("a\\b", "a\\\\b"),
        ("a\nb\x7f", "a\\x0ab\\x7f"),
        ("\xc3\xa9", "é"),  # UTF-8 read as Latin-1
        ("\xff", "\\xff"),
        ("\xc2\x80", "\\xc2\\x80"),
        ("\u20ac\n", "€\\x0a"),
    ],
)
def test_escapes(text, shown):
    assert escape(text) == shown


def test_atoms_by_name_escaped_and_missing():
    atoms = SafeAtoms({"a": 'x"y', "n": 3, "{x-foo}i": "v"})
    assert atoms["a"] == 'x\\"y' and atoms["n"] == 3
    assert atoms["{X-Foo}i"] == "v" and atoms["{no}i"] == "-" and atoms["no"] == "-"
    assert "%(n)d %(zz)s".__mod__(atoms) == "3 -"


@pytest.mark.parametrize(
    ("field", "user"),
    [
        ("Basic dTpw", "u"),
        ("basic  dTpw ", "u"),
        ("Basic dQ==", "u"),
        ("Bearer x", None),
        ("", None),
    ],
)
def test_user(field, user):
    assert user_of({"HTTP_AUTHORIZATION": field}) == user


NOTE = (
    *("GET", "/a%20b?q", "/a%20b", "q", (1, 1)),
    [("HOST", "h"), ("X-A", "1"), ("X-A", "2"), ("CONTENT-TYPE", "t")],
    *(("1.2.3.4", 5), "https", 0, 404, "404 Nothing", 7),
    [("Content-Length", "7"), ("X-B", "c")],
    1234567,
)


def test_request_and_response_of_a_note():
    req, resp = noted.Request(NOTE), noted.Response(NOTE)
    assert (req.method, req.uri, req.path, req.query, req.version) == NOTE[:5]
    assert req.remote_addr == req.peer_addr == ("1.2.3.4", 5) and req.scheme == "https"
    assert (resp.status, resp.status_code, resp.sent) == ("404 Nothing", 404, 7)
    assert resp.response_length == 7 and resp.headers_sent
    req.anything = resp.anything = 1
    env = noted.environ_of(req, ({"SCRIPT_NAME": ""}, [("n", "p")]))
    assert env["PATH_INFO"] == "/a b" and env["HTTP_X_A"] == "1,2" and env["CONTENT_TYPE"] == "t"
    assert env["SERVER_NAME"] == "n" and env["REMOTE_PORT"] == "5"


def test_all_atoms(place):
    log = make_logger()
    req, resp = noted.Request(NOTE), noted.Response(NOTE)
    env = noted.environ_of(req, ({}, [("n", "p")]))
    atoms = log.atoms(resp, req, env, timedelta(microseconds=1234567))
    assert atoms["r"] == "GET /a%20b?q HTTP/1.1" and atoms["s"] == "404"
    assert (atoms["T"], atoms["M"], atoms["D"], atoms["L"]) == (1, 1234, 1234567, "1.234567")
    assert atoms["b"] == "7" and atoms["B"] == 7 and atoms["p"] == f"<{os.getpid()}>"
    assert atoms["{x-a}i"] == "2" and atoms["{x-b}o"] == "c" and atoms["{http_host}e"] == "h"
    assert (atoms["h"], atoms["f"], atoms["u"], atoms["l"]) == ("1.2.3.4", "-", "-", "-")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp://h", (socket.SOCK_DGRAM, ("h", 514))),
        ("tcp://H:5", (socket.SOCK_STREAM, ("h", 5))),
        ("udp://[::1]:9", (socket.SOCK_DGRAM, ("::1", 9))),
        ("unix:///dev/log", (None, "/dev/log")),
        ("unix:///dev/log#dgram", (socket.SOCK_DGRAM, "/dev/log")),
    ],
)
def test_syslog_addresses(text, address):
    assert glogging.parse_syslog_address(text) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:8125", ("localhost", 8125)),
        ("host", ("host", 8125)),
        ("[::1]:1", ("::1", 1)),
        ("unix:///a/b", "/a/b"),
        (None, None),
    ],
)
def test_statsd_addresses(text, address):
    assert make_config(statsd_host=text).statsd_host == address


@pytest.fixture
def statsd(place):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("s")
        sock.settimeout(5)
        config = make_config("--statsd-prefix p --log-level critical", statsd_host="unix:s")
        log = load.logger(config)
        assert type(log) is Statsd

        def sent():
            return sock.recv(1000).decode()

        yield log, sent


@pytest.mark.parametrize(
    ("kind", "value", "line"),
    [
        ("gauge", 3, "p.x:3|g"),
        ("counter", 2, "p.x:2|c|@1.0"),
        ("histogram", 3.5, "p.x:3.5|h"),
        ("timer", 4, "p.x:4|ms"),
    ],
)
def test_metrics_of_one_s_own(statsd, kind, value, line):
    log, sent = statsd
    log.info("text", extra={"metric": "x", "value": value, "mtype": kind})
    assert sent() == line
    log.debug(None, extra={"metric": "x", "value": value, "mtype": kind})
    assert sent() == line
    log.info("no metric", extra={"metric": "x", "value": value, "mtype": "what"})
    log.error("one")
    assert sent() == "p.gunicorn.log.error:1|c|@1.0"


def test_a_level_that_is_too_low_still_sends(statsd):
    log, sent = statsd
    log.warning("not written")
    log.exception("written, without an exception")
    log.critical("written")
    assert [sent() for _ in range(3)] == [
        f"p.gunicorn.log.{kind}:1|c|@1.0" for kind in ("warning", "exception", "critical")
    ]
    assert Statsd.decrement(log, "n", 2) is None and sent() == "p.n:-2|c|@1.0"


def test_logger_classes_by_name(place):
    assert load.logger_class(make_config()) is glogging.Logger
    assert load.logger_class(make_config("--logger-class simple")) is glogging.Logger
    named = make_config("--logger-class gunicorn.instrument.statsd.Statsd")
    assert load.logger_class(named) is Statsd
    assert load.logger_class(make_config(logger_class=Statsd)) is Statsd
    assert load.logger_class(make_config(logger_class=lambda: Statsd)) is Statsd
    with pytest.raises(ConfigError, match="(?s)class uri 'no.such' invalid or not found: .*No mod"):
        load.logger_class(make_config("--logger-class no.such"))
    with pytest.raises(ConfigError, match="egg:pip#x"):
        load.logger_class(make_config("--logger-class egg:pip#x"))


def chosen(log):
    return str(paths.access(log)), str(paths.error(log))


def test_paths_by_what_was_done_to_the_loggers(place):
    log = make_logger("--access-logfile a --log-file e")
    assert chosen(log) == ("C", "C")
    log.access_log.addHandler(logging.NullHandler())
    assert chosen(log) == ("Python, gunicorn.access has 2 handlers", "C")
    log.setup(log.cfg)
    log.access_log.handlers = [h for h in log.access_log.handlers if hasattr(h, "_gunicorn")]
    assert chosen(log) == ("C", "C")
    log.access_log.propagate = True
    assert chosen(log)[0] == "Python, gunicorn.access propagates"
    log.access_log.propagate = False
    log.error_log.handlers[0].setFormatter(logging.Formatter("%(message)s"))
    assert chosen(log) == ("C", "Python, gunicorn.error has a formatter of its own")
    log.error_log.handlers[0].setFormatter(None)
    assert chosen(log)[1] == "Python, gunicorn.error has a formatter of its own"
    log.access = print
    assert chosen(log)[0] == "Python, the logger's access was replaced"


def test_paths_when_nobody_would_see_a_line(place):
    log = make_logger("--access-logfile a")
    log.access_log.disabled = True
    assert chosen(log)[0] == "off, gunicorn.access is disabled or has a higher level"
    log.access_log.disabled = False
    log.access_log.setLevel(logging.ERROR)
    assert chosen(log)[0].startswith("off")
    assert chosen(make_logger())[0] == "off"


def test_a_stream_without_a_descriptor_is_python_s(place, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    log = make_logger("--access-logfile -")
    assert chosen(log)[0] == "Python, gunicorn.access's stream has no descriptor"


def test_level_of_a_log_call_may_be_a_word(place):
    log = make_logger("--log-file e")
    log.log("warning", "one %s", 1)
    log.log(logging.ERROR, "two")
    text = (place / "e").read_text()
    assert "[WARNING] one 1\n" in text and "[ERROR] two\n" in text


def test_backlog_is_the_queue_s_length():
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = SimpleNamespace(sock=server)
        assert backlog.waiting([listener]) == 0
        with socket.create_connection(server.getsockname()):
            assert backlog.waiting([listener, listener]) == 2
    with socket.socket(socket.AF_UNIX) as sock:
        assert backlog.waiting([SimpleNamespace(sock=sock)]) == -1
    assert backlog.waiting([]) == -1


def test_names_that_others_import():
    assert glogging.CONFIG_DEFAULTS["loggers"]["gunicorn.error"]["propagate"] is True
    assert glogging.SYSLOG_FACILITIES["local7"] == 23
    assert logging.getLogger("gunicorn.error") in glogging.loggers() or not glogging.loggers()[1:]
