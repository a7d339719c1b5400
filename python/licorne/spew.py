"""The setting spew: every line of Python that runs is printed. For the desperate."""

import linecache
import sys
import threading


def start():
    """From now on, in this thread and those to come, and in the children of this process."""
    threading.settrace(_trace)
    sys.settrace(_trace)


def _trace(frame, event, argument):
    if event == "line":
        name = frame.f_globals.get("__name__", "[unknown]")
        path = frame.f_globals.get("__file__") or frame.f_code.co_filename
        if path.endswith((".pyc", ".pyo")):
            path = path[:-1]
        print(f"{name}:{frame.f_lineno}: {linecache.getline(path, frame.f_lineno).rstrip()}")
    return _trace
