"""Real Gunicorn from PyPI, in an environment of its own that lasts: its gunicornc drives our control socket.

The environment lies in build/gunicorn-VERSION; without a network the tests that want it are skipped.
"""

import fcntl
import pathlib
import subprocess
import sys

import pytest

VERSION = "27.0.1"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def gunicorn_bin():
    """The folder of its commands."""
    place = ROOT / "build" / f"gunicorn-{VERSION}-py{sys.version_info[0]}.{sys.version_info[1]}"
    place.parent.mkdir(exist_ok=True)
    with open(place.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests make it once
        if not (place / "bin" / "gunicornc").exists():
            _make(place)
    return place / "bin"


def _make(place):
    steps = (
        [sys.executable, "-m", "venv", "--clear", place],
        [place / "bin" / "pip", "install", "-q", f"gunicorn=={VERSION}"],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no gunicorn {VERSION} here: {done.stderr[-200:]}")
