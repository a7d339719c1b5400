"""The server's own log and the access log, by the names that Gunicorn's module has.

The loggers are called `gunicorn.error` and `gunicorn.access`: log shippers and test harnesses look
for them, and applications take their handlers for their own. The rooms are in licorne/log.
"""

import logging

from licorne.log import load, paths
from licorne.log.atoms import SafeAtoms
from licorne.log.files import flush, loggers
from licorne.log.files import reopen as reopen_files
from licorne.log.logger import LEVELS, Logger

FORMAT = Logger.error_fmt
DATE_FORMAT = Logger.datefmt

__all__ = [
    "DATE_FORMAT",
    "FORMAT",
    "LEVELS",
    "Logger",
    "SafeAtoms",
    "access_descriptor",
    "descriptor",
    "error_streams",
    "flush",
    "loggers",
    "reopen_files",
    "setup",
]

# Those that need more of logging are imported when somebody asks for them.
_LATE = {
    "CONFIG_DEFAULTS": "configured",
    "SYSLOG_FACILITIES": "syslog",
    "parse_syslog_address": "syslog",
}


def __getattr__(name):
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("licorne.log." + _LATE[name]), name)


def setup(config):
    """-> the logger, set up as the configuration says; ConfigError"""
    return load.logger(config)


def error_streams():
    """The streams that the server's log goes to, as they are now: a reopened file is a new one."""
    handlers = logging.getLogger("gunicorn.error").handlers
    return [handler.stream for handler in handlers if getattr(handler, "stream", None)]


def access_descriptor():
    """Where the C engine writes access lines; -1: nowhere."""
    for handler in logging.getLogger("gunicorn.access").handlers:
        if getattr(handler, "_gunicorn", False) and paths.descriptor(handler) >= 0:
            return paths.descriptor(handler)
    return -1


def descriptor():
    """Where the C engine writes its own lines: the first of our streams that has a descriptor."""
    for stream in error_streams():
        try:
            return stream.fileno()
        except (AttributeError, OSError, ValueError):
            continue
    return 2
