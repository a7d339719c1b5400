"""syslog over UDP, TCP and unix sockets, and what its lines look like."""

import socket

import pytest
from support.clock import deadline
from support.rawhttp import Client, fetch


def datagrams(sock, until):
    """What arrives, up to and with the first that holds these bytes."""
    sock.settimeout(deadline(10))
    found = []
    while not (found and until in found[-1]):
        found.append(sock.recv(4096))
    return found


class Udp(socket.socket):
    address = None


@pytest.fixture
def receiver():
    with Udp(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.address = f"udp://127.0.0.1:{sock.getsockname()[1]}"
        yield sock


def test_both_logs_are_sent(serve, receiver):
    s = serve(
        "zoo:app",
        *("--log-syslog", "--log-syslog-to", receiver.address, "--log-syslog-prefix", "shop"),
        *("--log-syslog-facility", "local3", "--access-logformat", "%(m)s %(U)s"),
    )
    fetch(s, "/ping")
    with Client(s) as c:
        c.send(b"BAD\r\n\r\n").expect_gone()
    found = datagrams(receiver, b"'BAD'")
    pid = s.worker_pids()[0]
    assert f"<158>gunicorn.shop.error: [{pid}] Booting worker with pid: {pid}\0".encode() in found
    assert f"<158>gunicorn.shop.access: [{pid}] GET /ping\0".encode() in found
    assert found[-1].startswith(f"<156>gunicorn.shop.error: [{pid}] Invalid request".encode())
    assert "Booting worker" in s.log()  # the error log's own handler is there, too


def test_the_access_log_can_be_kept_out(serve, receiver):
    s = serve(
        "zoo:app",
        *("--log-syslog", "--log-syslog-to", receiver.address),
        *("--disable-redirect-access-to-syslog", "--access-logfile", "-"),
    )
    fetch(s, "/ping")
    s.stop()
    found = b"".join(datagrams(receiver, b"Shutting down"))
    assert b".access:" not in found and "GET /ping" in s.out()
    assert b"gunicorn.zoo.app.error: " in found  # the application's name, ':' being a '.'


@pytest.mark.parametrize("suffix", ["", "#dgram"])
def test_a_unix_socket(serve, suffix):
    s = serve("zoo:app", start=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(s.dir / "log"))
        s.args = ("--log-syslog", "--log-syslog-to", f"unix://{s.dir}/log{suffix}")
        s.start()
        assert b"Booting worker" in datagrams(sock, b"Booting worker")[-1]
        s.stop()


def test_tcp(serve):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        s = serve("zoo:app", "--log-syslog", "--log-syslog-to", address)
        listener.settimeout(deadline(10))
        connection, _ = listener.accept()
        with connection:
            text = b"".join(datagrams(connection, b"Using worker"))
            s.stop()
        assert b"gunicorn.zoo.app.error: " in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--log-syslog-to", "smoke://signal"), "invalid syslog address"),
        (("--log-syslog-to", "udp://h:port"), "'port' is not a valid port number."),
        (("--log-syslog-facility", "weather"), "unknown facility name"),
    ],
)
def test_what_cannot_be_used_ends_the_start(serve, args, message):
    s = serve("zoo:app", "--log-syslog", *args, start=False, expect_errors=True)
    assert s.run_to_exit() == 1
    assert f"Error: {message}" in s.log()
