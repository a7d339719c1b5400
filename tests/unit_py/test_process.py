"""What runs around the engine: the command, listeners, log, and the callbacks of both processes.

The engine is replaced by a module with the same two functions.
"""

import logging
import os
import signal
import socket
import stat
import sys
import types

import pytest
from licorne import cli, glogging, sock
from licorne.config.loader import load
from licorne.errors import AppImportError, ConfigError
from licorne.master import Master


@pytest.fixture
def log():
    yield logging.getLogger("gunicorn.error")
    logging.getLogger("gunicorn.error").handlers.clear()


@pytest.fixture
def engine(monkeypatch, log, place, signals):
    """A stand-in for the C module. `engine.run` is what its master does."""
    fake = types.ModuleType("licorne._engine")
    fake.stops = []
    fake.run = lambda config, callbacks: 0

    def run_master(config, callbacks):
        try:
            return fake.run(config, callbacks)
        finally:
            if config["control"]:
                os.close(config["control"][0])

    fake.run_master = run_master
    fake.worker_stop = lambda graceful, status: fake.stops.append((graceful, status))
    fake._forked = lambda in_child: None
    fake._boot_step = lambda step: None
    fake._set_title = lambda text: True
    monkeypatch.setitem(sys.modules, "licorne._engine", fake)
    monkeypatch.setattr(sys.modules["licorne"], "_engine", fake, raising=False)
    return fake


@pytest.fixture
def signals():
    names = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in names}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def command(words):
    with pytest.raises(SystemExit) as caught:
        cli.main(words.split())
    return caught.value.code


def make_config(argv=""):
    return load(argv.split(), {})[0]


@pytest.mark.parametrize(
    "words, status, text",
    [
        ("", 1, "\nError: No application module specified."),
        ("--nope", 2, "error: unrecognized arguments: --nope"),
        ("-w x a", 2, "invalid int value: 'x'"),
        ("-w -1 a", 1, "Invalid value for workers: -1 (command line)\n\nError: Value must be"),
        ("-c nosuch.py a", 1, "\nError: 'nosuch.py' doesn't exist"),
        ("--check-config nomodule:a", 1, "\nError while loading the application:\n"),
        ("--log-file /no/such/x --check-config string:capwords", 0, ""),
    ],
)
def test_command_status_and_message(place, capsys, words, status, text):
    assert command(words) == status
    assert text in capsys.readouterr().err


def test_version(place, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/gunicorn"])
    assert command("--version") == 0
    assert capsys.readouterr().out == "gunicorn (version 0.1.0)\n"


def test_print_config(place, capsys):
    assert command("--print-config -w 3 string:capwords") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == sorted(lines)
    assert len({line.index(" = ") for line in lines}) == 1
    assert any(line.split() == ["workers", "=", "3"] for line in lines)


def test_application_may_be_named_in_the_file(write, capsys):
    write("gunicorn.conf.py", "wsgi_app = 'string:capwords'")
    assert command("--check-config") == 0


def test_start_lines_and_what_the_engine_is_given(engine, place, capsys):
    seen = {}

    def run(config, callbacks):
        seen.update(config)
        callbacks.log(logging.WARNING, "100% of it")
        return 3

    engine.run = run
    assert command("-b 127.0.0.1:0 -b unix:s -w 2 string:capwords") == 3
    lines = capsys.readouterr().err.splitlines()
    fd, kind, display, name, port, slots = seen["listeners"][0]
    assert (kind, name, display) == ("tcp", "127.0.0.1", f"http://127.0.0.1:{port}")
    assert seen["listeners"][1][1:] == ("unix", "unix:s", "s", "", [])
    assert slots == []
    assert (seen["workers"], seen["multiprocess"], seen["multithread"]) == (2, True, False)
    pid = os.getpid()
    assert lines[0].endswith(f"[{pid}] [INFO] Starting licorne 0.1.0") or "Starting" in lines[0]
    assert lines[1].endswith(f"[INFO] Listening at: {display},unix:s ({pid})")
    assert lines[2].endswith("[INFO] Using worker: sync")
    path = place / "gunicorn.ctl"
    assert lines[3].endswith(f"[INFO] Control socket listening at {path}")
    assert lines[4].endswith("[WARNING] 100% of it")
    assert seen["control"][1:] == (False, 0) and not path.exists()
    assert not os.path.exists("s")
    assert os.environ["SERVER_SOFTWARE"] == "gunicorn/27.0.1 licorne/0.1.0"


def fork(uri):
    """-> a master as its worker 1 has it right after the fork"""
    master = Master(make_config(), uri)
    master.arbiter._about_to_fork(1, 1)
    return master


def test_worker_boots_the_application_and_obeys_signals(engine, signals, capfd):
    master = fork("string:capwords")
    assert master.worker_boot(1).__name__ == "capwords"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT):
        signal.raise_signal(number)
    assert engine.stops == [(True, 0), (False, 0), (False, 0), (False, 1)]
    signal.raise_signal(signal.SIGUSR1)
    master.worker_exit(1)
    err = capfd.readouterr().err
    assert f"[INFO] Booting worker with pid: {os.getpid()}" in err
    assert f"[INFO] Worker exiting (pid: {os.getpid()})" in err


def test_quick_stop_interrupts_a_running_call(engine, signals):
    engine.worker_stop = lambda graceful, status: True
    fork("string:capwords").worker_boot(1)
    for number, status in ((signal.SIGINT, 0), (signal.SIGABRT, 1)):
        with pytest.raises(SystemExit) as caught:
            signal.raise_signal(number)
        assert caught.value.code == status
    signal.raise_signal(signal.SIGTERM)


def test_interrupted_request_is_no_error_of_the_application(engine, signals, capfd):
    engine.worker_stop = lambda graceful, status: True
    master = fork("string:capwords")
    master.worker_boot(1)
    for number, text in (
        (signal.SIGABRT, "[ERROR] Error handling request GET /a\nTraceback"),
        (signal.SIGQUIT, "[INFO] Interrupted, because the worker was told to quit: GET /a\n"),
    ):
        with pytest.raises(SystemExit) as caught:
            signal.raise_signal(number)
        capfd.readouterr()
        master.handle_error(None, "GET", "/a", caught.value)
        assert text in capfd.readouterr().err
    master.handle_error(None, "GET", "/a", KeyError("of its own"))
    assert "[ERROR] Error handling request GET /a" in capfd.readouterr().err


@pytest.mark.parametrize(
    "uri, error, text",
    [
        ("string:nope", AppImportError, "\nFailed to find attribute 'nope' in 'string'.\n"),
        ("nomodule:a", ImportError, "[ERROR] Exception in worker process\nTraceback"),
    ],
)
def test_failed_boot_is_told_as_gunicorn_tells_it(engine, signals, capfd, uri, error, text):
    master = fork(uri)
    with pytest.raises(error):
        master.worker_boot(1)
    err = capfd.readouterr().err
    assert text in err
    assert ("Traceback" in err) is (error is ImportError)


def test_preloaded_application_is_imported_before_the_first_line(engine, capfd):
    booted = []
    engine.run = lambda config, callbacks: booted.append(callbacks.app) or 0
    assert command("-b 127.0.0.1:0 --preload string:capwords") == 0
    assert booted[0].__name__ == "capwords"
    assert command("-b 127.0.0.1:0 --preload string:nope") == 1
    assert "Starting" not in capfd.readouterr().err.split("Error while loading")[-1]


@pytest.mark.parametrize(
    "method, path, text",
    [
        ("GET", "/a", "Error handling request GET /a\n"),
        (None, "/a", "Error handling request /a\n"),
        (None, None, "Error handling request (no URI read)\n"),
    ],
)
def test_request_errors_carry_the_traceback(place, log, capfd, method, path, text):
    master = Master(make_config(), "x")
    try:
        raise KeyError("k")
    except KeyError as error:
        master.handle_error(None, method, path, error)
    err = capfd.readouterr().err
    assert "[ERROR] " + text in err and err.rstrip().endswith("KeyError: 'k'")


def test_log_goes_to_a_file_that_can_be_rotated(place, log):
    glogging.setup(make_config("--log-file e.log --log-level warning"))
    log.info("not this")
    log.error("one")
    os.rename("e.log", "e.log.1")
    glogging.reopen_files()
    log.error("two")
    assert (place / "e.log.1").read_text().endswith("[ERROR] one\n")
    assert (place / "e.log").read_text().endswith("[ERROR] two\n")
    assert not log.propagate


def test_unwritable_log_file_is_a_configuration_error(place, log):
    with pytest.raises(ConfigError, match="Error: '/no/such/x' isn't writable .FileNotFoundError"):
        glogging.setup(make_config("--log-file /no/such/x"))


def test_unknown_level_is_refused(place, log):
    with pytest.raises(ConfigError, match="loglevel takes one of: debug, info"):
        make_config("--log-level chatty")


def test_tcp_listener_is_ready_for_the_engine(place, log):
    (listener,) = sock.create_sockets(make_config("-b 127.0.0.1:0"), log)
    inner = listener.sock
    assert inner.gettimeout() == 0 and not os.get_inheritable(inner.fileno())
    assert inner.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    socket.create_connection(inner.getsockname()).close()
    listener.close()


def test_reuse_port_binds_a_socket_for_each_worker(place, log):
    args = "-b 127.0.0.1:0 -b unix:s --reuse-port -w 3"
    tcp, unix = listeners = sock.create_sockets(make_config(args), log)
    assert unix.slots == [] and len(tcp.slots) == 3 and tcp.sock is tcp.slots[0]
    assert {inner.getsockname() for inner in tcp.slots} == {tcp.sock.getsockname()}
    assert all(inner.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for inner in tcp.slots)
    assert tcp.for_engine()[5] == tcp.descriptors() and len(set(tcp.descriptors())) == 3
    assert unix.for_engine()[5] == [] and unix.descriptors() == [unix.sock.fileno()]
    sock.close_all(listeners)
    assert {inner.fileno() for inner in tcp.slots} == {-1}


def test_ipv6_listener_is_shown_in_brackets(place, log):
    try:
        (listener,) = sock.create_sockets(make_config("-b [::1]:0"), log)
    except SystemExit:
        pytest.skip("no IPv6 here")
    assert listener.kind == "tcp6" and listener.display.startswith("http://[::1]:")
    assert listener.server_name == "::1"
    listener.close()


def test_unix_listener_replaces_a_stale_file_and_removes_its_own(place, log):
    stale = socket.socket(socket.AF_UNIX)
    stale.bind("s")
    stale.close()
    (listener,) = sock.create_sockets(make_config("-b unix:s -m 0027"), log)
    assert stat.S_IMODE(os.stat("s").st_mode) == 0o750
    listener.close()
    assert not os.path.exists("s")


def test_unix_file_of_a_successor_is_left_alone(place, log):
    config = make_config("-b unix:s")
    (old,) = sock.create_sockets(config, log)
    os.unlink("s")
    (new,) = sock.create_sockets(config, log)
    old.close()
    assert os.path.exists("s")
    new.close()
    assert not os.path.exists("s")


def test_file_that_is_no_socket_is_not_removed(place, log):
    (place / "s").write_text("precious")
    with pytest.raises(SystemExit) as caught:
        sock.create_sockets(make_config("-b unix:s"), log)
    assert caught.value.code == 1 and (place / "s").read_text() == "precious"


def test_port_in_use_is_tried_again_and_told(place, log, capfd, monkeypatch):
    monkeypatch.setattr(sock.time, "sleep", lambda seconds: None)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    config = make_config(f"-b unix:s -b 127.0.0.1:{port}")
    glogging.setup(config)
    with pytest.raises(SystemExit) as caught:
        sock.create_sockets(config, log)
    taken.close()
    err = capfd.readouterr().err
    assert caught.value.code == 1
    assert err.count(f"Connection in use: ('127.0.0.1', {port})") == 5
    assert f"connection to ('127.0.0.1', {port}) failed: [Errno" in err
    assert err.rstrip().endswith(f"[ERROR] Can't connect to ('127.0.0.1', {port})")
    assert not os.path.exists("s")


def test_inherited_descriptor_replaces_other_addresses(place, log):
    given = socket.create_server(("127.0.0.1", 0))
    port = given.getsockname()[1]
    config = make_config(f"-b 127.0.0.1:1 -b fd://{given.detach()}")
    (listener,) = sock.create_sockets(config, log)
    assert listener.server_port == str(port)
    listener.close()


def test_bad_descriptor_is_told(place, log, capfd):
    config = make_config("-b fd://999")
    glogging.setup(config)
    with pytest.raises(SystemExit):
        sock.create_sockets(config, log)
    assert "Can't use fd://999: [Errno" in capfd.readouterr().err


def test_starting_imports_little():
    """Every module here is paid for at each start and in each worker."""
    import subprocess

    code = "import sys; before = set(sys.modules); import licorne.cli, licorne.config.loader;"
    code += "print(*sorted(set(sys.modules) - before))"
    path = os.path.dirname(os.path.dirname(cli.__file__))
    env = {**os.environ, "PYTHONPATH": path}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    heavy = {"argparse", "asyncio", "inspect", "typing", "dataclasses", "ast", "logging", "json"}
    assert not heavy & set(out.stdout.split())
