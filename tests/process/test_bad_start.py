"""Starts that fail: Gunicorn's messages and exit codes, and nothing left running."""

import re
import socket
import time

import pytest
from support.clock import deadline
from support.rawhttp import fetch
from support.server import Server

# Not to be had at their bounds: a thousand workers, or none, and sockets that nobody may use.
UNUSUAL = ("workers", "umask")


def run(serve, app, *args, **kw):
    s = serve(app, *args, start=False, expect_errors=True, **kw)
    code = s.run_to_exit()
    return code, s.log() + s.out()


@pytest.mark.asan_ci
@pytest.mark.parametrize(
    "app, code, message",
    [
        ("no_such_module:app", 3, r"ModuleNotFoundError: No module named 'no_such_module'"),
        ("broken_import:app", 3, r"No module named 'no_such_module_anywhere'"),
        ("shapes:missing", 4, r"Failed to find attribute 'missing' in 'shapes'\."),
        ("shapes:not_callable", 4, r"Application object must be callable\."),
        ("shapes:make_nothing()", 4, r"Failed to find application object: 'make_nothing\(\)'"),
        ("shapes:make_fails()", 3, r"ValueError: factory failed"),
        (
            "shapes:Holder.app",
            4,
            r"Failed to parse 'Holder\.app' as an attribute name or function call",
        ),
        ("shapes:make(1, 2, 3, 4)", 4, r"takes from 0 to 2 positional arguments"),
        ("shapes:make(open('x'))", 4, r"Failed to parse"),
        ("shapes:a b", 4, r"Failed to parse 'a b' as an attribute name or function call"),
    ],
)
def test_applications_that_do_not_load(serve, app, code, message):
    got, log = run(serve, app)
    assert got == code, log
    assert re.search(message, log), log
    reason = "Worker failed to boot." if code == 3 else "App failed to load."
    assert "[ERROR] Shutting down: Master" in log
    assert f"[ERROR] Reason: {reason}" in log
    if code == 3:
        assert "[ERROR] Exception in worker process" in log and "Traceback" in log


def test_a_syntax_error(serve, tmp_path):
    (tmp_path / "bad_syntax.py").write_text("def app(:\n")
    code, log = run(serve, "bad_syntax:app", "--chdir", str(tmp_path))
    assert code == 3 and "SyntaxError" in log and "bad_syntax.py" in log


def test_preloaded_applications_that_do_not_load(serve):
    code, log = run(serve, "no_such_module:app", "--preload")
    assert code != 0 and "no_such_module" in log
    code, log = run(serve, "shapes:missing", "--preload")
    assert code != 0 and "missing" in log


@pytest.mark.asan_ci
def test_no_application(serve):
    code, log = run(serve, None)
    assert code == 1
    assert "Error: No application module specified." in log


@pytest.mark.asan_ci
@pytest.mark.parametrize(
    "args",
    [
        ["--no-such-flag"],
        ["--workers", "many"],
        ["-w"],
        ["--keep-alive"],
    ],
)
def test_unknown_flags_and_arguments(serve, args):
    code, log = run(serve, "zoo:app", *args)
    assert code in ((2,) if args[0] != "--workers" else (1, 2)), log
    assert "usage:" in log.lower() or args[0].lstrip("-") in log


@pytest.mark.parametrize(
    "args, setting, value",
    [
        (["--workers", "-1"], "workers", "-1"),
        (["--keep-alive", "x"], "keep", "x"),
        (["--log-level", "chatty"], "log", "chatty"),
        (["-k", "nosuchworker"], "worker", "nosuchworker"),
        (["--header-map", "sideways"], "header_map", "sideways"),
        (["--limit-request-line", "x"], "limit", "x"),
        (["--forwarded-allow-ips", "nonsense/99"], "forwarded_allow_ips", "nonsense/99"),
        (["-b", "127.0.0.1:port"], "", "port"),
        (["--umask", "rwx"], "umask", "rwx"),
        (["--workers", "1024"], "workers", "1024"),
        (["--graceful-timeout", "4294968"], "graceful_timeout", "4294968"),
        (["--body-memory", "5000000000"], "body_memory", "5000000000"),
        (["--worker-connections", "0"], "worker_connections", "0"),
        (["--min-rate-window", "0"], "min_rate_window", "set body_min_rate and send_min_rate to 0"),
    ],
)
@pytest.mark.licorne_only
def test_bad_values_name_the_setting(serve, args, setting, value):
    """gunicorn gives most of these as a bare traceback, or takes them silently."""
    code, log = run(serve, "zoo:app", *args)
    assert code in (1, 2), log
    assert setting.replace("_", "").lower() in log.replace("_", "").replace("-", "").lower(), log
    assert value in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    "conf, words",
    [
        ("workers = 'many'", ["workers", "many"]),
        ("limit_request_body = -5", ["limit_request_body"]),
        ("header_timeout = 'soon'", ["header_timeout", "soon"]),
        ("body_buffering = 'perhaps'", ["body_buffering", "perhaps"]),
        ("bind = 7", ["bind", "7"]),
        ("secure_scheme_headers = 5", ["secure_scheme_headers", "5"]),
        ("keepalive = 10**5000", ["keepalive", "<int>", "conf.py, line 1", "0 to 4294967."]),
        ("send_min_rate = 2**32", ["send_min_rate", "4294967296", "0 to 4294967295."]),
        ("bind = [f'127.0.0.1:{n}' for n in range(1, 66)]", ["bind", "65", "64 at the most"]),
        ("forwarder_headers = ['A'] * 65", ["forwarder_headers", "64 at the most"]),
    ],
)
@pytest.mark.licorne_only
def test_bad_values_in_the_file(serve, conf, words):
    code, log = run(serve, "zoo:app", conf=conf)
    assert code == 1
    for word in words:
        assert word in log, log
    assert "Traceback" not in log


@pytest.mark.licorne_only
@pytest.mark.parametrize("end", [0, 1])
def test_numbers_at_their_bounds_are_served_with(serve, end):
    """What the table of settings lets through, the engine takes."""
    from licorne.config.bounds import NUMBERS

    rows = {name: bounds[end] for name, bounds in NUMBERS.items() if name not in UNUSUAL}
    s = serve("zoo:app", conf="".join(f"{name} = {value}\n" for name, value in rows.items()))
    assert fetch(s, "/echo", "POST", body=b"x" * 100_000).body == b"x" * 100_000


def test_configuration_file_that_is_missing_or_broken(serve, tmp_path):
    code, log = run(serve, "zoo:app", "-c", str(tmp_path / "none.py"))
    assert code == 1 and "none.py" in log
    code, log = run(serve, "zoo:app", conf="def broken(:\n")
    assert code == 1 and "SyntaxError" in log
    code, log = run(serve, "zoo:app", conf="raise RuntimeError('in the file')\n")
    assert code == 1 and "in the file" in log


def test_configuration_file_that_exits(serve):
    code, _ = run(serve, "zoo:app", conf="import sys\nsys.exit(9)\n")
    assert code == 9


@pytest.mark.asan_ci
def test_port_in_use(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        s = serve(bind=[f"127.0.0.1:{port}"], start=False, expect_errors=True)
        began = time.monotonic()
        assert s.run_to_exit(30) == 1
        assert time.monotonic() - began < deadline(15)
    log = s.log()
    assert f"[ERROR] Connection in use: ('127.0.0.1', {port})" in log
    assert f"connection to ('127.0.0.1', {port}) failed: [Errno 98] Address already in use" in log
    assert f"[ERROR] Can't connect to ('127.0.0.1', {port})" in log
    assert "Booting worker" not in log and "Traceback" not in log


def test_port_that_becomes_free_in_time(serve):
    """Five tries, a second apart: a restart need not lose the race against its predecessor."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        s = serve(start=False)
        s.addresses = [("127.0.0.1", taken.getsockname()[1])]
        s.spawn()
        s.wait_log("Connection in use")
    s.wait_log("Listening at")
    s.wait_ready()


@pytest.mark.licorne_only
def test_address_that_is_not_ours(serve):
    code, log = run(serve, "zoo:app", bind=["203.0.113.1:8000"])
    assert code == 1 and "203.0.113.1" in log and "Traceback" not in log


def test_unix_socket_where_no_folder_is(serve):
    code, log = run(serve, "zoo:app", bind=["/nonexistent/folder/sock"])
    assert code == 1 and "/nonexistent/folder/sock" in log


def test_unix_socket_over_a_plain_file(serve, tmp_path):
    (tmp_path / "file").write_text("precious")
    code, _ = run(serve, "zoo:app", bind=[str(tmp_path / "file")])
    assert code == 1
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.licorne_only
def test_chdir_to_nowhere(serve, tmp_path):
    """gunicorn takes it silently and stays where it is."""
    code, log = run(serve, "zoo:app", "--chdir", str(tmp_path / "nowhere"))
    assert code in (1, 2) and "nowhere" in log


@pytest.mark.licorne_only
def test_workers_that_fail_together_leave_nothing_running(serve):
    """The exit code is that of the first failure (gunicorn's is 1 if two fail at once)."""
    s: Server = serve("no_such_module:app", start=False, workers=3, expect_errors=True)
    assert s.run_to_exit() == 3
    assert s.worker_pids() == []
