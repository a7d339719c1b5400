"""An application that ends or holds its worker, by path. Its imports are told in the file `boots`."""

import os
import time

with open(os.path.join(os.environ["TEST_DIR"], "boots"), "a") as journal:  # before all that is slow
    journal.write(f"{time.monotonic()} {os.getpid()}\n")

import ctypes
import faulthandler
import pathlib
import signal
import sys
from urllib.parse import parse_qs

PLACE = pathlib.Path(os.environ["TEST_DIR"])
PYTHON = ctypes.PyDLL(None)  # calls do not let go of the GIL
MUTEX = ctypes.create_string_buffer(64)


def hold_until_released(q):
    (PLACE / f"held-{os.getpid()}").touch()
    end = time.monotonic() + 60
    while not (PLACE / q.get("by", "release")).exists() and time.monotonic() < end:
        time.sleep(0.005)


def wait_in_c_with_the_gil():
    PYTHON.pthread_mutex_lock(MUTEX)
    PYTHON.pthread_mutex_lock(MUTEX)


def compute_in_python():
    while True:
        sum(range(1000))


def sleep_and_swallow():
    while True:
        try:
            time.sleep(100)
        except BaseException:
            (PLACE / "swallowed").touch()


def own_use_of_faulthandler():
    with open(PLACE / "stacks", "w") as f:
        faulthandler.dump_traceback(f)
    faulthandler.dump_traceback_later(0.05, file=open(PLACE / "later", "w"))  # noqa: SIM115
    time.sleep(0.3)
    faulthandler.cancel_dump_traceback_later()
    faulthandler.register(signal.SIGUSR2, file=open(PLACE / "asked", "w"))  # noqa: SIM115
    os.kill(os.getpid(), signal.SIGUSR2)


def crash_into_own_file():
    faulthandler.enable(file=open(PLACE / "crash", "w"))  # noqa: SIM115
    ctypes.string_at(0)


ACTS = {
    "/kill": lambda q: os.kill(os.getpid(), signal.SIGKILL),
    "/segv": lambda q: ctypes.string_at(0),
    "/abort": lambda q: os.abort(),
    "/os_exit": lambda q: os._exit(int(q["code"])),
    "/sys_exit": lambda q: sys.exit(int(q["code"])),
    "/hold": hold_until_released,
    "/sleep": lambda q: time.sleep(float(q["s"])),
    "/gil": lambda q: wait_in_c_with_the_gil(),
    "/loop": lambda q: compute_in_python(),
    "/swallow": lambda q: sleep_and_swallow(),
    "/stop": lambda q: (os.kill(os.getpid(), signal.SIGSTOP), time.sleep(60)),
    "/faulthandler": lambda q: own_use_of_faulthandler(),
    "/own_crash": lambda q: crash_into_own_file(),
}


def app(environ, start_response):
    q = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    act = ACTS.get(environ["PATH_INFO"])
    if act:
        act(q)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {os.environ.get('LICORNE_WORKER_INDEX')}".encode()]
