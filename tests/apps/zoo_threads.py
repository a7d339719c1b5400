"""Views that show in which thread they run."""

import signal
import threading

from zoo_core import js, mark, query, text, view, wait_for_file

LOCAL = threading.local()
BARRIERS = {}
GUARD = threading.Lock()


def _about():
    me = threading.current_thread()
    LOCAL.calls = getattr(LOCAL, "calls", 0) + 1
    return {
        "ident": me.ident,
        "name": me.name,
        "is_main": me is threading.main_thread(),
        "calls": LOCAL.calls,
        "known": me in threading.enumerate(),
    }


@view
def thread(environ, start_response):
    return js(start_response, _about() | {"multithread": environ["wsgi.multithread"]})


@view
def meet(environ, start_response):
    """Answers once ?n= calls are here at the same time."""
    n = int(query(environ)["n"])
    with GUARD:
        barrier = BARRIERS.setdefault(n, threading.Barrier(n))
    barrier.wait(20)
    return js(start_response, _about())


@view
def hold(environ, start_response):
    """Says that it is here, ?who=, and waits for the test."""
    mark(f"held-{query(environ)['who']}")
    wait_for_file("release")
    return js(start_response, _about())


@view
def alarm(environ, start_response):
    """A signal handler of the application's own ends its wait, as in a script."""

    def on_alarm(number, frame):
        raise TimeoutError("alarm")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        wait_for_file("never")
    except TimeoutError as error:
        return text(start_response, str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return text(start_response, "not interrupted")
