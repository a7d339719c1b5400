"""Keeps the measurer out of what it measures.

PSS divides a page by the number of processes that map it. If this program ran on the same
interpreter binary as the server, it would take a share of the server's pages and the figure would
come out too good. So it starts itself again on a private copy of the interpreter and its library.
"""

import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

MARK = "BENCH_OBSERVER"
ORIGINAL = "BENCH_EXECUTABLE"


def leave_binary():
    """Returns in a process that shares no interpreter page with any server; cleans up after."""
    if home := os.environ.pop(MARK, None):
        for name in ("LD_PRELOAD", "PYTHONHOME"):
            os.environ.pop(name, None)
        sys.executable = os.environ.pop(ORIGINAL)
        shutil.rmtree(home, ignore_errors=True)
        return
    home = pathlib.Path(tempfile.mkdtemp(prefix="bench-observer-"))
    binary = shutil.copy(os.path.realpath(sys.executable), home / "python")
    environment = dict(os.environ, **{MARK: str(home), ORIGINAL: sys.executable})
    environment["PYTHONHOME"] = sys.base_prefix
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        path = pathlib.Path(line.split(maxsplit=5)[-1])
        if path.name.startswith("libpython"):
            # Preloaded under the same soname, it is taken instead of the one the binary names.
            environment["LD_PRELOAD"] = str(shutil.copy(path, home / path.name))
            break
    os.execve(binary, [binary, *sys.argv], environment)


def others(python, ours):
    """Processes outside `ours` that run the same binary: they make PSS look smaller."""
    binary = os.path.realpath(python)
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in ours:
            with contextlib.suppress(OSError):
                found += os.readlink(f"/proc/{name}/exe") == binary
    return found
