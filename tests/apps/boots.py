"""An application whose boot does what the file `boot` in TEST_DIR says: so it can break while it runs."""

import ctypes
import os
import pathlib
import sys
import time

PLACE = pathlib.Path(os.environ["TEST_DIR"])


def read(name):
    path = PLACE / name
    return path.read_text() if path.exists() else ""


def crash_here():
    ctypes.string_at(0)


with open(PLACE / "boots", "a") as journal:
    journal.write(f"{time.monotonic()} {os.getpid()}\n")
how = read("boot")
if how:
    print("this boot", how, file=sys.stderr)
if how == "raises":
    raise RuntimeError("broken while it runs")
if how == "segfaults":
    crash_here()
if how == "aborts":
    os.abort()
if how.startswith("exits"):
    os._exit(int(how.split()[1]))
if how == "talks":
    for n in range(3000):
        print("line", n, "of many words that are written while it boots", file=sys.stderr)
    raise RuntimeError("the last word")


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {os.environ.get('LICORNE_WORKER_INDEX')}".encode()]


if how == "hides":
    del app
