"""An application whose import takes its time, in the way BOOT says, once the file `slow` is there."""

import ctypes
import os
import time

from zoo import app as zoo_app
from zoo_core import mark, wait_for_file

SECONDS = 2


def boot():
    how = os.environ.get("BOOT", "sleep")
    if not os.path.exists(os.path.join(os.environ["TEST_DIR"], "slow")):
        return
    mark("importing", str(os.getpid()))
    if how == "sleep":
        time.sleep(SECONDS)
    elif how == "compute":  # in C, and without letting go of the GIL
        ctypes.PyDLL(None).usleep(SECONDS * 1_000_000)
    elif how == "fork":
        if os.fork() == 0:
            mark("child", str(os.getpid()))
            wait_for_file("release")
            os._exit(0)
        wait_for_file("go")
    elif how == "stray":
        if os.fork() == 0:
            mark("child", str(os.getpid()))
    else:
        wait_for_file("go")
    if how == "fail":
        raise RuntimeError("no application today")


boot()
mark(f"imported-{os.getpid()}")
app = zoo_app
