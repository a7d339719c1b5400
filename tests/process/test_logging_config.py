"""logconfig, logconfig_dict and logconfig_json: precedence, defaults, and who makes the lines then."""

import json
import signal

import pytest
from support.clock import wait_until
from support.rawhttp import Client, fetch

FILE_HANDLER = {"class": "logging.FileHandler", "formatter": "short", "filename": "FILE"}
SHORT = {"short": {"format": "%(name)s %(levelname)s %(message)s"}}


def settings_for(path):
    """A dictConfig that sends both loggers to this file."""
    logger = {"level": "INFO", "handlers": ["file"], "propagate": False}
    return {
        "loggers": {"gunicorn.error": logger, "gunicorn.access": logger},
        "handlers": {"file": {**FILE_HANDLER, "filename": str(path)}},
        "formatters": SHORT,
        "root": {"level": "INFO", "handlers": []},
    }


def ini_for(path):
    return f"""
[loggers]
keys=root, gunicorn.error, gunicorn.access
[handlers]
keys=file
[formatters]
keys=short
[logger_root]
level=INFO
handlers=
[logger_gunicorn.error]
level=INFO
handlers=file
propagate=0
qualname=gunicorn.error
[logger_gunicorn.access]
level=INFO
handlers=file
propagate=0
qualname=gunicorn.access
[handler_file]
class=FileHandler
formatter=short
args=({str(path)!r},)
[formatter_short]
format=%(name)s %(levelname)s %(message)s
"""


def run(serve, form, *args, **kw):
    """A server whose logging this form configures; -> it, and the text of its log file."""
    s = serve("zoo:app", start=False, **kw)
    path = s.dir / "both.log"
    if form == "dict":
        s.conf = f"logconfig_dict = {settings_for(path)!r}"
    elif form == "json":
        (s.dir / "log.json").write_text(json.dumps(settings_for(path)))
        s.args = ("--log-config-json", s.dir / "log.json")
    else:
        (s.dir / "log.ini").write_text(ini_for(path))
        s.args = ("--log-config", s.dir / "log.ini")
    s.args += args
    s.spawn()
    s.wait_ready()
    return s, path


@pytest.mark.parametrize("form", ["dict", "json", "ini"])
def test_both_logs_go_where_the_configuration_says(serve, form):
    s, path = run(serve, form, "--access-logformat", "%(m)s %(U)s %(s)s")
    assert fetch(s, "/ping").status == 200
    with Client(s) as c:
        c.send(b"BAD\r\n\r\n").expect_gone()
    wait_until(lambda: "'BAD'" in path.read_text(), 10, "the engine's own line")
    text = path.read_text()
    assert "gunicorn.access INFO GET /ping 200\n" in text  # although accesslog is not set
    assert "gunicorn.error WARNING Invalid request from ip=127.0.0.1: " in text
    assert "gunicorn.error INFO Booting worker with pid: " in text
    assert s.out() == "" and s.log() == ""
    s.stop()
    assert "gunicorn.error INFO Shutting down: Master\n" in path.read_text()


def test_dict_wins_over_json_and_json_over_the_file(serve):
    s, path = run(serve, "json", "--log-config", "/no/such/file")
    wait_until(lambda: "Booting" in path.read_text(), 10, "the JSON file's handler")
    s.stop()
    s, path = run(serve, "dict", "--log-config-json", "/etc/hostname", "--log-config", "/no/such")
    wait_until(lambda: "Booting" in path.read_text(), 10, "the dict's handler")


def test_files_of_every_handler_are_reopened(serve):
    s, path = run(serve, "dict")
    old = path.with_suffix(".1")
    path.rename(old)
    s.signal(signal.SIGUSR1)
    wait_until(path.exists, 10, "a new file")
    wait_until(lambda: fetch(s, "/ping") and '"GET /ping' in path.read_text(), 10, "lines in it")


def test_defaults_stand_for_what_is_not_given(serve):
    s = serve("zoo:app", conf="logconfig_dict = {'version': 1}")
    fetch(s, "/ping")
    # The default handlers and those of the root, to which both loggers propagate.
    wait_until(lambda: s.out().count('"GET /ping HTTP/1.1" 200') == 2, 10, "both access lines")
    assert s.log().count("[INFO] Booting worker") == 1
    assert s.out().count("[INFO] Booting worker") == 1


@pytest.mark.parametrize(
    ("flag", "text", "message"),
    [
        ("--log-config", None, "not found"),
        ("--log-config", "[loggers]\nkeys=root\n", "Error: "),
        ("--log-config-json", "{", "Error: "),
        ("--log-config-json", '{"handlers": {"console": {"class": "no.Such"}}}', "console"),
    ],
)
def test_what_cannot_be_used_ends_the_start(serve, flag, text, message):
    s = serve("zoo:app", start=False, expect_errors=True)
    path = s.dir / "config"
    if text is not None:
        path.write_text(text)
    s.args = (flag, path)
    assert s.run_to_exit() == 1
    assert "\nError: " in s.log() and message in s.log()
    assert "Starting" not in s.log()


def test_a_missing_json_file_is_no_error(serve):
    s = serve("zoo:app", "--log-config-json", "/no/such/file")
    fetch(s, "/ping")


def test_propagation_reaches_the_handlers_of_the_root(serve):
    conf = """
logconfig_dict = {
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {"gunicorn.access": {"level": "INFO", "handlers": [], "propagate": True},
                "gunicorn.error": {"level": "INFO", "handlers": ["error_console"],
                                   "propagate": False}},
}
access_log_format = "%(U)s"
"""
    s = serve("zoo:app", conf=conf)
    fetch(s, "/ping/x")
    wait_until(lambda: "[INFO] /ping/x\n" in s.out(), 10, "the line on standard output")
    assert s.out().count("/ping/x") == 1
