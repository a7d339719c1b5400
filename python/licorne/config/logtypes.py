"""Validators of the settings about logs."""

from licorne.config.types import Kind, to_dict, to_string


def to_class(value):
    """A class, a function that returns one, or where it is to be found."""
    if isinstance(value, type):
        return value
    if callable(value):
        value = value()
    return value if isinstance(value, type) else to_string(value)


def to_statsd_host(value):
    """-> None, a path, or (host, port)"""
    value = to_string(value)
    if value is None:
        return None
    if value.startswith("unix:"):
        path = value[5:].removeprefix("//")
        if not path:
            raise ValueError(f"No path: {value!r}")
        return path
    host, port = _split(value)
    if port and not (port.isdecimal() and int(port) < 65536):
        raise TypeError("Value must be one of ('host:port', 'unix://PATH')")
    return host.lower() or "localhost", int(port or 8125)


def _split(value):
    if value.startswith("["):
        host, _, rest = value[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = value.rpartition(":") if ":" in value else (value, "", "")
    return host, port


def to_syslog_address(value):
    from licorne.log.syslog import parse_syslog_address

    value = to_string(value)
    if value is None:
        raise TypeError("Not a string: None")
    if value != SYSLOG_ADDRESS:
        parse_syslog_address(value)
    return value


def to_facility(value):
    value = to_string(value)
    if value is None:
        raise TypeError("Not a string: None")
    if value.lower() != "user":
        from licorne.log.syslog import SYSLOG_FACILITIES

        if value.lower() not in SYSLOG_FACILITIES:
            raise ValueError("unknown facility name")
    return value


def to_text(value):
    """A string; None is the empty one."""
    return to_string(value) or ""


def _syslog_address():
    import sys

    if sys.platform == "darwin":
        return "unix:///var/run/syslog"
    if sys.platform.startswith(("freebsd", "dragonfly")):
        return "unix:///var/run/log"
    if sys.platform.startswith("openbsd"):
        return "unix:///dev/log"
    return "udp://localhost:514"


SYSLOG_ADDRESS = _syslog_address()

LOGGER_CLASS = Kind(to_class, "takes a class, or its name as module.Class.")
LOG_DICT = Kind(to_dict, "takes a dictionary for logging.config.dictConfig.")
STATSD_HOST = Kind(to_statsd_host, "takes HOST:PORT, or unix:///PATH of a datagram socket.")
SYSLOG_ADDR = Kind(
    to_syslog_address, "takes udp://HOST:PORT, tcp://HOST:PORT, or unix://PATH with #dgram or not."
)
FACILITY = Kind(to_facility, "takes a facility of syslog: user, daemon, local0 and the like.")
TEXT = Kind(to_text, "takes a string.")
