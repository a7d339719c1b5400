"""The server's own log: the logger `gunicorn.error`, in Gunicorn's format.

The name and the lines are what log shippers and test harnesses look for. Applications take this
logger's handlers for their own, so it is a plain `logging` logger with plain handlers.
"""

import logging
import os
import sys

from licorne.errors import ConfigError

FORMAT = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
DATE_FORMAT = "[%Y-%m-%d %H:%M:%S %z]"
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


def setup(config):
    """-> the logger `gunicorn.error`, set up as the configuration says"""
    log = logging.getLogger("gunicorn.error")
    log.propagate = False
    log.setLevel(LEVELS.get((config.loglevel or "").lower(), logging.INFO))
    for handler in [h for h in log.handlers if getattr(h, "_gunicorn", False)]:
        log.removeHandler(handler)
        handler.close()
    handler = _handler(config.errorlog)
    handler.setFormatter(logging.Formatter(FORMAT, DATE_FORMAT))
    handler._gunicorn = True
    log.addHandler(handler)
    return log


def _handler(path):
    if path in (None, "-"):
        return logging.StreamHandler()
    path = os.path.abspath(path)
    try:
        return logging.FileHandler(path)
    except OSError as error:
        raise ConfigError(f"Error: {path!r} isn't writable [{error!r}]") from None


def reopen_files():
    """After log rotation: every file of every logger in the process, not only our own."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.FileHandler):
                _reopen(handler)


def _reopen(handler):
    # The number stays: the C engine writes to it, and a number set free is the next connection's.
    with handler.lock:
        if handler.stream:
            handler.flush()
            with handler._open() as fresh:
                os.dup2(fresh.fileno(), handler.stream.fileno(), inheritable=False)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue  # closed, or never there


def error_streams():
    """The streams that the server's log goes to, as they are now: a reopened file is a new one."""
    handlers = logging.getLogger("gunicorn.error").handlers
    return [handler.stream for handler in handlers if getattr(handler, "stream", None)]


def descriptor():
    """Where the C engine writes its own lines: the first of our streams that has a descriptor."""
    for stream in error_streams():
        try:
            return stream.fileno()
        except (AttributeError, OSError, ValueError):
            continue
    return 2
