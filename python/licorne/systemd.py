"""What systemd gives a service: listening sockets (`LISTEN_FDS`), and a socket to report to.

Reports are sent by the C master (src/super/notify.h), whose loop keeps the watchdog content.
"""

import os

FIRST_FD = 3


def listen_fds(environ):
    """-> the descriptors passed to this very process. What told of them is forgotten: children have
    other descriptors under those numbers."""
    if _number(environ.get("LISTEN_PID")) != os.getpid():
        return range(0)
    count = _number(environ.get("LISTEN_FDS"))
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environ.pop(name, None)
    return range(FIRST_FD, FIRST_FD + count)


def notify_target(environ):
    """-> (path, milliseconds within which a sign of life is due; 0: none is), or None"""
    path = environ.get("NOTIFY_SOCKET")
    if not path:
        return None
    is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    milliseconds = _number(environ.get("WATCHDOG_USEC")) // 1000 if is_ours else 0
    return path, min(milliseconds, 0xFFFFFFFF)


def _number(word):
    return int(word) if word and word.isascii() and word.isdigit() else 0
