"""Views that take signals into their own hands; in the main thread, as Python wants it."""

import asyncio
import os
import signal
import time

from zoo_core import js, mark, query, text, view

PIPES = []


@view
def catch(environ, start_response):
    """A handler for ?name= from now on; with ?chain= it calls the one before it."""
    q = query(environ)
    name = q["name"]

    def handler(number, frame):
        mark(f"caught-{name}")
        if "chain" in q and callable(before):
            before(number, frame)

    before = signal.signal(getattr(signal, name), handler)
    return text(start_response, callable(before))


@view
def catch_and_exit(environ, start_response):
    """A handler as in many a script."""
    signal.signal(signal.SIGTERM, lambda number, frame: os.sys.exit(6))
    return text(start_response, "installed")


@view
def take_wakeups(environ, start_response):
    """A wake-up descriptor of the application's own, which it keeps, or drops with ?drop=."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(-1 if "drop" in query(environ) else writing)
    PIPES.append((reading, writing))
    return text(start_response, before >= 0)


@view
def woken(environ, start_response):
    """The signal numbers that came through that descriptor."""
    try:
        return text(start_response, " ".join(map(str, os.read(PIPES[0][0], 100))))
    except BlockingIOError:
        return text(start_response, "nothing")


@view
def asyncio_signals(environ, start_response):
    """A loop with a signal handler, in the call: asyncio sets the wake-up descriptor and takes it away."""

    async def wait():
        came = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, came.set)
        os.kill(os.getpid(), signal.SIGUSR2)
        await asyncio.wait_for(came.wait(), 10)
        loop.remove_signal_handler(signal.SIGUSR2)
        return "came"

    return text(start_response, asyncio.run(wait()))


@view
def timer(environ, start_response):
    """setitimer and SIGALRM: five ticks while the call computes, sleeps and computes on."""
    ticks = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: ticks.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    end = time.monotonic() + 10
    try:
        while len(ticks) < 5 and time.monotonic() < end:
            if len(ticks) % 2:
                time.sleep(0.001)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return js(start_response, len(ticks) >= 5)
