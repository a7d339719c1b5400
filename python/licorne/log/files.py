"""The files of logs: opened, given to who must reopen them, opened anew after rotation."""

import contextlib
import logging
import os
import stat
import sys

from licorne import identity
from licorne.errors import ConfigError


def open_log(path, cfg):
    """-> a handler that appends to the file; ConfigError"""
    path = os.path.abspath(path)
    try:
        handler = logging.FileHandler(path)
    except OSError as error:
        raise ConfigError(f"Error: {path!r} isn't writable [{error!r}]") from None
    handler._gunicorn_owner = cfg.user, cfg.group
    _give_away(handler)
    return handler


def _give_away(handler):
    """Workers open it again after a rotation, as the user that they run as."""
    owner = getattr(handler, "_gunicorn_owner", None)
    if owner is None:
        return
    with contextlib.suppress(OSError):  # /dev/null for one: its owner knows who may write
        identity.give(handler.baseFilename, *owner)


def capture(path, before):
    """Standard output and error go to the end of this file. -> the file; `before` is closed"""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    try:
        file = open(path, "a+")  # noqa: SIM115 - it stays open
    except OSError as error:
        raise ConfigError(f"Error: {path!r} isn't writable [{error!r}]") from None
    for number in (1, 2):
        os.dup2(file.fileno(), number)
    if before is not None:
        before.close()
    return file


def loggers():
    """Every logger that anybody has asked for, the root first."""
    known = logging.Logger.manager.loggerDict
    return [logging.getLogger(), *(known[name] for name in list(known))]


def _file_handlers():
    for logger in loggers():
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.FileHandler):
                yield handler


def reopen():
    for handler in _file_handlers():
        _reopen(handler)


def _reopen(handler):
    # The number stays: the C engine writes to it, and a number set free is the next connection's.
    with handler.lock:
        if handler.stream and stat.S_ISREG(os.fstat(handler.stream.fileno()).st_mode):
            handler.flush()
            with handler._open() as fresh:
                _give_away(handler)
                os.dup2(fresh.fileno(), handler.stream.fileno(), inheritable=False)


def close_on_exec():
    for handler in _file_handlers():
        with contextlib.suppress(AttributeError, OSError, ValueError):
            os.set_inheritable(handler.stream.fileno(), False)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue  # closed, or never there
