"""From the engine's notes to calls of the logger: access lines and lines of its own.

Under the Python path of a log the engine keeps a note of what it would have written, without the
GIL; a thread that has it brings the note here. Nothing that a logger raises ends a worker.
"""

import logging

from licorne.log import noted, paths

METHODS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


def choose(log):
    """-> (access by Python, descriptor, own lines by Python, descriptor, level); -1: no lines"""
    access, error = paths.access(log), paths.error(log)
    # Methods of somebody's own are called for lines of every level: they may count them.
    level = logging.DEBUG if error.is_method else log.error_log.getEffectiveLevel()
    if level <= logging.DEBUG:
        log.debug("access log: %s", access)
        log.debug("error log: %s", error)
    return (
        access.kind == paths.PYTHON,
        access.fd,
        error.kind == paths.PYTHON,
        error.fd,
        level,
    )


def say(log, level, text):
    """A line of the engine's, by the method that Gunicorn would have called."""
    method = METHODS.get(level)
    if method:
        getattr(log, method)(text)
    else:
        log.log(level, text)


def access(log, environ, note, facts):
    """note: what the engine tells of one exchange. environ: None if Python never saw it."""
    from datetime import timedelta  # whose import takes long, and most servers never come here

    req = noted.Request(note)
    resp = noted.Response(note)
    if environ is None:
        environ = noted.environ_of(req, facts)
    log.access(resp, req, environ, timedelta(microseconds=note[13]))
