"""A clean clone with an empty HOME serves the demo and passes its tests.

Usage: clean_clone.py run | test. The clone is of the last commit; the environment holds PATH and
HOME and nothing else.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH = "/usr/local/bin:/usr/bin:/bin"
START_LIMIT = 600


def free_port():
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def serve(clone, env):
    """Starts ./dev run, waits for the page, returns how long that took."""
    port = free_port()
    started = time.monotonic()
    command = ["./dev", "run", "--bind", f"127.0.0.1:{port}"]
    child = subprocess.Popen(
        command, cwd=clone, env=env, stdout=sys.stderr, stderr=sys.stderr, start_new_session=True
    )
    try:
        while time.monotonic() - started < START_LIMIT:
            if child.poll() is not None:
                sys.exit(f"./dev run ended with status {child.returncode}")
            with contextlib.suppress(OSError, urllib.error.URLError):
                page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                return time.monotonic() - started, len(page)
            time.sleep(0.2)
        sys.exit(f"nothing served after {START_LIMIT} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        child.wait(30)


def main(what):
    """Prints the figure as the last line; a failure exits with its text."""
    top = Path(tempfile.mkdtemp(prefix="licorne-clone-"))
    top.chmod(0o755)  # as a checkout is: some tests run workers as another user
    try:
        clone, home = top / "licorne", top / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        env = {"PATH": PATH, "HOME": str(home)}
        if what == "run":
            seconds, size = serve(clone, env)
            print(f"demo page of {size} bytes {seconds:.0f} s after the clone")
            return
        started = time.monotonic()
        done = subprocess.run(["./dev", "test"], cwd=clone, env=env)
        minutes = (time.monotonic() - started) / 60
        print(f"exit {done.returncode} after {minutes:.1f} minutes (at most 25)")
        sys.exit(done.returncode or int(minutes > 25))
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
