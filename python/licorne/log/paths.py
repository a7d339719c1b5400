"""Who makes a log's lines: the engine, or Python because somebody's Python must be heard.

    off      nobody would see a line
    C        the engine writes to the handler's descriptor; no thread needs the GIL for it
    Python   every call is made that Gunicorn would have made

The engine's lines are all the same, so it may only stand in for a logger that is exactly as we set
it up. A worker decides once, when its application has been imported.
"""

import logging
import os

from licorne.log.logger import Logger

OFF, ENGINE, PYTHON = "off", "C", "Python"

# Methods whose replacement means that somebody wants to hear of each line.
_ACCESS = ("access", "atoms", "now", "atoms_wrapper_class", "access_log_enabled", "_get_user")
_ERROR = ("critical", "error", "warning", "info", "debug", "exception", "log")


class Path:
    def __init__(self, kind, fd=-1, why="", is_method=False):
        self.kind = kind
        self.fd = fd  # where the engine writes
        self.why = why
        self.is_method = is_method  # because the logger has methods of its own
        self.is_closed = why.endswith("stream is closed")

    def __str__(self):
        return f"{self.kind}, {self.why}" if self.why else self.kind


def access(log):
    """The path of the access log."""
    why = _replaced(log, _ACCESS)
    if why:
        return Path(PYTHON, why=why, is_method=True)
    if not log.access_log_enabled:
        return Path(OFF)
    return _of_logger(log.access_log, logging.INFO, Logger.access_fmt, None)


def error(log):
    """The path of what the engine itself has to say."""
    why = _replaced(log, _ERROR)
    if why:
        return Path(PYTHON, why=why, is_method=True)
    return _of_logger(log.error_log, logging.CRITICAL, Logger.error_fmt, Logger.datefmt)


def _replaced(log, names):
    kind = type(log)
    if not isinstance(log, Logger):
        return f"logger_class {kind.__name__} is not derived from licorne's"
    own = vars(log)
    for name in names:
        if name in own:
            return f"the logger's {name} was replaced"
        if kind is Logger:  # most are, and each look at a function copies a page in the worker
            continue
        if getattr(kind, name) is not getattr(Logger, name):
            if kind.__module__ == "licorne.log.statsd":
                return "statsd_host is set"
            mark = "()" if callable(getattr(kind, name)) and name in vars(Logger) else ""
            return f"logger_class overrides {name}{mark}"
    return ""


def _of_logger(logger, level, fmt, datefmt):
    name = logger.name
    if type(logger) is not logging.Logger:
        return Path(PYTHON, why=f"{name} is a {type(logger).__name__}")
    if logger.disabled or not logger.isEnabledFor(level):
        return Path(OFF, why=f"{name} is disabled or has a higher level")
    if logger.filters:
        return Path(PYTHON, why=f"{name} has filters")
    if logger.propagate:
        return Path(PYTHON, why=f"{name} propagates")
    if not logger.handlers:
        return Path(OFF, why=f"{name} has no handlers")
    if len(logger.handlers) > 1:
        return Path(PYTHON, why=f"{name} has {len(logger.handlers)} handlers")
    return _of_handler(logger.handlers[0], name, fmt, datefmt)


def _of_handler(handler, name, fmt, datefmt):
    if not getattr(handler, "_gunicorn", False) or type(handler) not in (
        logging.StreamHandler,
        logging.FileHandler,
    ):
        return Path(PYTHON, why=f"{name} has a {type(handler).__name__} of its own")
    if handler.filters or handler.level > logging.DEBUG:
        return Path(PYTHON, why=f"{name}'s handler has filters or a level")
    if not _is_plain(handler.formatter, fmt, datefmt):
        return Path(PYTHON, why=f"{name} has a formatter of its own")
    fd = descriptor(handler)
    if fd >= 0:
        return Path(ENGINE, fd)
    if handler.stream is None or getattr(handler.stream, "closed", False):
        return Path(OFF, why=f"{name}'s stream is closed")
    return Path(PYTHON, why=f"{name}'s stream has no descriptor")


def _is_plain(formatter, fmt, datefmt):
    return (
        type(formatter) is logging.Formatter
        and formatter._fmt == fmt
        and formatter.datefmt == datefmt
        and formatter.converter is logging.Formatter.converter
    )


def descriptor(handler):
    """-1: it has none that is open"""
    try:
        os.fstat(number := handler.stream.fileno())
        return number
    except (AttributeError, OSError, ValueError):
        return -1
