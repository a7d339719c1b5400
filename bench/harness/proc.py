"""Processes under test: started on a core of their own, measured as a whole tree, and ended.

CPU time is read from each process's own CPU clock, which counts nanoseconds and includes threads
that are gone; `/proc/PID/stat` (10 ms) is used for children that were reaped, and for all where the
clock cannot be had.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
START_TIMEOUT = 20.0
STOP_TIMEOUT = 5.0


class StartError(Exception):
    """A server that did not come up, with the last of what it said."""


def cores():
    """(server, client): two cores we may use; the same one twice where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[1 if len(allowed) > 1 else 0]


def pinned(core, argv):
    return ["taskset", "-c", str(core), *map(str, argv)] if shutil.which("taskset") else argv


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def raise_descriptor_limit():
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _stat(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def tree(root):
    """The process and all its descendants that live."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(name)[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_seconds(pids):
    """CPU time these processes and their reaped children used so far."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = _stat(pid)
            try:
                own = time.clock_gettime((~pid << 3) | 2)
            except OSError:
                own = (int(fields[11]) + int(fields[12])) / TICK
            total += own + (int(fields[13]) + int(fields[14])) / TICK
    return total


def memory_kb(pids, field="Pss"):
    """A field of smaps_rollup, in kB, summed over the processes."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE).group(1))
    return total


class Server:
    """A server process tree, from start to stop; use as a context manager."""

    def __init__(self, argv, port, core, env=None, cwd=None, log=None):
        self.argv, self.port, self.core = argv, port, core
        self.env, self.cwd, self.log = env, cwd, log
        self.process = None

    def __enter__(self):
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                pinned(self.core, self.argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
            )
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_ready(self):
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise StartError(f"ended with status {self.process.returncode}: {self.said()}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.02)
        raise StartError(f"not listening after {START_TIMEOUT:.0f} s: {self.said()}")

    def __exit__(self, *_):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self):
        lines = pathlib.Path(self.log).read_text(errors="replace").strip().splitlines()
        return " | ".join(line.strip() for line in lines[-3:]) or "it said nothing"

    @property
    def pids(self):
        return tree(self.process.pid)

    def busiest(self):
        """The worker: what used most CPU below the first process, or that one alone."""
        return max(self.pids[1:] or self.pids, key=lambda pid: cpu_seconds([pid]))
