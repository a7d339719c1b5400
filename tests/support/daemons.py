"""Commands that leave, and the server that they leave behind."""

import ast
import contextlib
import os
import signal
import subprocess

from support.clock import deadline, wait_until
from support.rawhttp import fetch
from support.server import command, environment, free_port, is_running


def ask(server, path="/"):
    """What tests/apps/mechanics.py says."""
    return ast.literal_eval(fetch(server, path).body.decode())


@contextlib.contextmanager
def daemon(folder, *args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=None):
    """A server that was started with --daemon; -> (what the command printed, address, its pid)"""
    address = ("127.0.0.1", free_port())
    pidfile = folder / "daemon.pid"
    words = [*command(), "-D", "-b", f"127.0.0.1:{address[1]}", "-p", str(pidfile), *args]
    done = subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        timeout=deadline(20),
        env=environment(extra=env),
    )
    assert done.returncode == 0, done.stderr
    pid = None
    try:
        wait_until(pidfile.exists, 10, "the pid file")
        pid = int(pidfile.read_text())
        wait_until(lambda: answers(address), 10, "the daemon's answer", 0.05)
        yield done, address, pid
    finally:
        if pid and is_running(pid):
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not is_running(pid), 20, "the daemon's end", 0.05)


def answers(address):
    try:
        return fetch(address, "/").status == 200
    except (OSError, AssertionError):
        return False
