"""An application with something to do, or somebody who stays, when its worker ends: LEAVE says what."""

import atexit
import os
import threading
import time

from zoo import app as zoo_app
from zoo_core import mark, wait_for_file


def note(word):
    """One line by one write, so that whoever says it twice, or from a second process, shows."""
    path = os.path.join(os.environ["TEST_DIR"], "notes")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, f"{word} {os.getpid()}\n".encode())
    os.close(fd)


def run(seconds):
    mark("running")
    time.sleep(seconds)
    note("thread")


def wait_and_note():
    mark("running")
    wait_for_file("leave", 60)
    note("thread")


LEAVE = os.environ.get("LEAVE", "").split()
atexit.register(note, "import")
if "hang" in LEAVE:
    atexit.register(time.sleep, 60)
if "fail" in LEAVE:
    atexit.register(lambda: 1 / 0)
if "daemon" in LEAVE:
    threading.Thread(target=run, args=(60,), daemon=True).start()
if "thread" in LEAVE:
    threading.Thread(target=wait_and_note).start()
if "forever" in LEAVE:
    threading.Thread(target=run, args=(60,)).start()


def app(environ, start_response):
    if environ["PATH_INFO"] == "/register":
        atexit.register(note, "request")
        print("printed and not flushed", end="")
    return zoo_app(environ, start_response)
