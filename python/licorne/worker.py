"""What a worker process does in Python: boot before its first request, errors, and the last words.

Signals: the C engine has put every handler back to its default when `boot` is called; the ones set
here tell it to stop. They run where Python runs them, between two bytecodes of the application or
when the engine returns from waiting, so they only set things in motion:

    TERM        stop accepting, finish what is under way, leave
    INT, QUIT   leave now; a request under way is interrupted
    ABRT        the same with status 1, and the log shows where the request was
    USR1        open log files anew

A worker that still boots leaves at once on any of the first three lines. ABRT is how the master
ends one that is stuck: the hook worker_abort is called first.
"""

import os
import signal
import sys
import threading
import traceback

from licorne import glogging
from licorne.app.loader import import_app
from licorne.config.loader import enter_chdir
from licorne.errors import AppImportError
from licorne.report import Report

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1)


# How far a boot has come, for the master to say: enum lc_boot_step in src/stats/board.h.
STEP_CHDIR, STEP_IMPORT, STEP_APP = 1, 2, 3


class Worker:
    """What hooks are given."""

    def __init__(self, master, index):
        self.cfg = master.config
        self.log = master.log_to
        self.pid = os.getpid()
        self.ppid = os.getppid()
        self.index = index
        self.booted = False

    def __str__(self):
        return f"<Worker {self.pid}>"


def boot(master, index, report_fd, dump_signal):
    """-> the WSGI callable. Exceptions are logged here and passed on; C chooses the status."""
    log = master.log_to
    os.environ["LICORNE_WORKER_INDEX"] = str(index)
    master.worker = Worker(master, index)
    master.report = report = Report(report_fd)
    log.info("Booting worker with pid: %s", os.getpid())
    _install_signal_handlers(master)
    report.begin(dump_signal)
    try:
        return _load(master)
    except AppImportError as error:
        _step(STEP_APP)
        report.fail(str(error))
        log.debug("Exception while loading the application", exc_info=True)
        _say(error)
        raise
    except Exception as error:
        report.fail(traceback.format_exc())
        log.exception("Exception in worker process")
        _say(error)
        raise


def _load(master):
    if master.app is not None:
        return master.app
    _step(STEP_CHDIR)
    enter_chdir(master.config)
    _step(STEP_IMPORT)
    return import_app(master.uri)


def _step(number):
    from licorne._engine import _boot_step

    _boot_step(number)


def ready(master):
    """Everything stands, and the next thing is the first request."""
    master.report.end()
    master.worker.booted = True


def start_thread():
    """Daemon: one that is stuck in a request must not keep the process from ending."""
    global _started
    _started += 1
    name = f"licorne-{_started}"
    threading.Thread(target=_engine_serve, name=name, daemon=True).start()


def _engine_serve():
    from licorne._engine import serve_thread

    serve_thread()


_started = 0


def exit(master, index):
    master.log_to.info("Worker exiting (pid: %s)", os.getpid())
    glogging.flush()


def log_request_error(log, method, path, exc, is_interrupted=False):
    if is_interrupted and isinstance(exc, SystemExit):  # ours: no fault of the application's
        log.info("Interrupted, because the worker was told to quit: %s %s", method, path)
        return
    trace = (type(exc), exc, exc.__traceback__) if exc is not None else None
    if path is None:
        log.exception("Error handling request (no URI read)", exc_info=trace)
    elif method is None:
        log.exception("Error handling request %s", path, exc_info=trace)
    else:
        log.exception("Error handling request %s %s", method, path, exc_info=trace)


def _say(error):
    print(error, file=sys.stderr)
    glogging.flush()


def _install_signal_handlers(master):
    from licorne._engine import worker_stop

    # What the engine must know of a fork it learns in C.
    def in_child():
        master.report.leave_to_child()
        signal.set_wakeup_fd(-1)
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)

    os.register_at_fork(after_in_child=in_child)

    def on_term(number, frame):
        worker_stop(True, 0)

    def on_quit(number, frame):
        master.is_interrupted = True
        _leave(worker_stop(False, 0), 0)

    def on_abort(number, frame):
        _call_abort_hook(master)
        _leave(worker_stop(False, 1), 1)

    def on_reopen(number, frame):
        master.log_to.reopen_files()

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGINT, on_quit)
    signal.signal(signal.SIGQUIT, on_quit)
    signal.signal(signal.SIGABRT, on_abort)
    signal.signal(signal.SIGUSR1, on_reopen)


def _leave(in_application, status):
    """Interrupt the application; outside of it the engine has been told and comes out by itself."""
    if in_application:
        raise SystemExit(status)


def _call_abort_hook(master):
    hook = master.config.hook("worker_abort")
    if hook is None:
        return
    try:
        hook(master.worker)
    except Exception:
        master.log_to.exception("Exception in worker_abort hook")
