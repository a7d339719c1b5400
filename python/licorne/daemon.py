"""The server without its terminal: a session of its own, and its standard streams to nowhere.

Service managers and containers want the process that they started: they do without this.
"""

import os
import sys


def daemonize(keep_output=False):
    """Returns in a process that nobody waits for; the one that called ends here, with status 0."""
    if os.environ.keys() & {
        "GUNICORN_FD",
        "GUNICORN_PID",
    }:  # started by a predecessor, which is a daemon already
        return
    if "NOTIFY_SOCKET" in os.environ:
        print(
            "Warning: `daemon = True` hides the server from the systemd unit that starts it, "
            "if that has `Type=notify`",
            file=sys.stderr,
            flush=True,
        )
    _go_on_in_child()
    os.setsid()
    _go_on_in_child()  # who leads no session never gets a terminal again
    os.umask(0o22)
    _let_go(keep_output)


def _go_on_in_child():
    if os.fork():
        os._exit(0)


def _let_go(keep_output):
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for fd in (1, 2):
        if not keep_output or not _is_kept(fd):
            os.dup2(null, fd)
    if null > 2:
        os.close(null)


def _is_kept(fd):
    """A file or a pipe; a terminal would go away under us."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return not os.isatty(fd)
