"""syslog: where, and how a line looks there. What it needs of logging is imported when it is on."""

import _socket as socket
import logging

# The numbers of RFC 5424, and Gunicorn's `security`, which is auth by its old name.
SYSLOG_FACILITIES = {
    "kern": 0,
    "user": 1,
    "mail": 2,
    "daemon": 3,
    "auth": 4,
    "security": 4,
    "syslog": 5,
    "lpr": 6,
    "news": 7,
    "uucp": 8,
    "cron": 9,
    "authpriv": 10,
    "ftp": 11,
    **{f"local{n}": 16 + n for n in range(8)},
}


def parse_syslog_address(addr):
    """-> (type of socket or None for whichever fits, path or (host, port)); RuntimeError"""
    if addr.startswith("unix://"):
        path, _, kind = addr[7:].partition("#")
        return (socket.SOCK_DGRAM if kind == "dgram" else None), path
    scheme, found, place = addr.partition("://")
    if not found or scheme not in ("udp", "tcp"):
        raise RuntimeError("invalid syslog address")
    return _kind(scheme), _host_and_port(place.partition("/")[0])


def _kind(scheme):
    return socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM


def _host_and_port(place):
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    if port and not port.isdecimal():
        raise RuntimeError(f"{port!r} is not a valid port number.")
    return host.lower() or "localhost", int(port) if port else 514


def prefix(cfg, name):
    """gunicorn.NAME.error: what a line in syslog begins with"""
    base = cfg.syslog_prefix
    if not base:
        for setting in ("proc_name", "default_proc_name"):
            base = base or getattr(cfg, setting, None)
        base = (base or "gunicorn").replace(":", ".")
    return f"gunicorn.{base}.{name}"


def handler(cfg, fmt, name):
    """RuntimeError, also when nobody is there to connect to."""
    try:
        facility = SYSLOG_FACILITIES[cfg.syslog_facility.lower()]
    except KeyError:
        raise RuntimeError("unknown facility name") from None
    kind, address = parse_syslog_address(cfg.syslog_addr)
    from logging.handlers import SysLogHandler

    try:
        made = SysLogHandler(address, facility, kind)
    except OSError as error:
        raise RuntimeError(f"syslog at {cfg.syslog_addr}: {error}") from None
    text = prefix(cfg, name).replace("%", "%%")
    made.setFormatter(logging.Formatter(f"{text}: {fmt}"))
    made._gunicorn = True
    return made
