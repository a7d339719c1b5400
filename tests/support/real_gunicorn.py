"""Real Gunicorn, to be compared with: installed once from the package index, kept in a cache.

A folder of its own and not the tests' environment: there `import gunicorn` must not find it.
"""

import fcntl
import functools
import os
import pathlib
import subprocess
import sys

VERSION = "27.0.1"


@functools.cache
def path():
    """-> the folder to put on PYTHONPATH, or None if it cannot be installed"""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "licorne-tests" / f"gunicorn-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "gunicorn").is_dir():
            words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
            words += ["--disable-pip-version-check", "--target", str(folder)]
            subprocess.run([*words, f"gunicorn=={VERSION}"], check=False)
    return folder if (folder / "gunicorn").is_dir() else None
