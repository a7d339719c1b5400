"""The server's own log and the access log: the loggers `gunicorn.error` and `gunicorn.access`.

Their names and lines are what log shippers and test harnesses look for. Applications take these
loggers' handlers for their own, so they are plain `logging` loggers with plain handlers. The access
log's lines are written by the C engine, to the descriptor of that handler.
"""

import logging
import os
import stat
import sys

from licorne import identity
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
    owner = config.user, config.group
    log = _bare("gunicorn.error", LEVELS.get((config.loglevel or "").lower(), logging.INFO))
    _add(log, config.errorlog or "-", sys.stderr, logging.Formatter(FORMAT, DATE_FORMAT), owner)
    access = _bare("gunicorn.access", logging.INFO)
    if config.accesslog:
        _add(access, config.accesslog, sys.stdout, logging.Formatter("%(message)s"), owner)
    return log


def _bare(name, level):
    log = logging.getLogger(name)
    log.propagate = False
    log.setLevel(level)
    for handler in [h for h in log.handlers if getattr(h, "_gunicorn", False)]:
        log.removeHandler(handler)
        handler.close()
    return log


def _add(log, path, stream, formatter, owner):
    handler = _handler(path, stream)
    handler._gunicorn_owner = owner
    give_away(handler)
    handler.setFormatter(formatter)
    handler._gunicorn = True
    log.addHandler(handler)


def _handler(path, stream):
    if path == "-":
        return logging.StreamHandler(stream)
    path = os.path.abspath(path)
    try:
        return logging.FileHandler(path)
    except OSError as error:
        raise ConfigError(f"Error: {path!r} isn't writable [{error!r}]") from None


def give_away(handler):
    """Workers open it again after a rotation, as the user that they run as."""
    owner = getattr(handler, "_gunicorn_owner", None)
    if owner is None or not isinstance(handler, logging.FileHandler):
        return
    try:
        identity.give(handler.baseFilename, *owner)
    except OSError:
        return  # not ours to give, /dev/null for one: its owner knows who may write


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
        if handler.stream and stat.S_ISREG(os.fstat(handler.stream.fileno()).st_mode):
            handler.flush()
            with handler._open() as fresh:
                give_away(handler)
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


def access_descriptor():
    """Where the C engine writes access lines; -1: nowhere."""
    for handler in logging.getLogger("gunicorn.access").handlers:
        if getattr(handler, "_gunicorn", False):
            try:
                os.fstat(number := handler.stream.fileno())
                return number
            except (AttributeError, OSError, ValueError):
                continue
    return -1


def descriptor():
    """Where the C engine writes its own lines: the first of our streams that has a descriptor."""
    for stream in error_streams():
        try:
            return stream.fileno()
        except (AttributeError, OSError, ValueError):
            continue
    return 2
