"""An application with signal handlers of its own, installed when it is imported.

CATCH names the signals; with CHAIN the handler that was there before is called afterwards.  A
wake-up descriptor of its own, too (WAKEUP): `/woken` answers the numbers that came through it.
"""

import os
import signal
import threading

from zoo import app as zoo_app
from zoo_core import mark, text

CAUGHT = []


def catch(name):
    number = getattr(signal, name)

    def handler(number, frame):
        CAUGHT.append(name)
        is_main = threading.current_thread() is threading.main_thread()
        mark(f"caught-{name}", f"{is_main} {len(CAUGHT)}")
        if os.environ.get("CHAIN") and callable(before):
            before(number, frame)

    before = signal.signal(number, handler)


for name in os.environ.get("CATCH", "").split():
    catch(name)
if os.environ.get("WAKEUP"):
    READING, WRITING = os.pipe()
    os.set_blocking(READING, False)
    os.set_blocking(WRITING, False)
    signal.set_wakeup_fd(WRITING)


def app(environ, start_response):
    if environ["PATH_INFO"] != "/woken":
        return zoo_app(environ, start_response)
    try:
        return text(start_response, " ".join(map(str, os.read(READING, 100))))
    except BlockingIOError:
        return text(start_response, "nothing")
