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
import time
import traceback

from licorne import environment, glogging, hooks, identity, title
from licorne.app.loader import import_app
from licorne.config.loader import enter_chdir
from licorne.errors import AppImportError
from licorne.report import Report

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1)


# How far a boot has come, for the master to say: enum lc_boot_step in src/stats/board.h.
STEP_CHDIR, STEP_IMPORT, STEP_APP = 1, 2, 3


class Worker:
    """What hooks are given.

    The master makes one before each fork, with Gunicorn's arguments. From the fork on there are
    two: what pre_fork stored is in both, later changes are seen in their own process only.
    """

    def __init__(self, age, ppid, sockets, app, timeout, cfg, log, index=0):
        self.age = age
        self.ppid = ppid
        self.sockets = sockets
        self.app = app
        self.timeout = timeout
        self.cfg = cfg
        self.log = log
        self.index = index
        self.pid = "[booting]"
        self.booted = False
        self.aborted = False  # in the master: it did not come back
        self.reloader = None
        self.wsgi = None
        self.max_requests = cfg.values.get("max_requests") or sys.maxsize
        self.tmp = Heartbeat(index)
        self._alive = True
        self._more = 0  # what somebody added to nr
        self._is_here = False

    def __str__(self):
        return f"<Worker {self.pid}>"

    @property
    def alive(self):
        return self._alive

    @alive.setter
    def alive(self, value):
        """False: it finishes what is under way and ends with status 0."""
        self._alive = bool(value)
        if not value and self._is_here and self.booted:
            from licorne._engine import worker_stop

            worker_stop(True, 0)

    @property
    def nr(self):
        """Requests so far, the running ones included."""
        return self._counted() + self._more

    @nr.setter
    def nr(self, value):
        self._more = value - self._counted()

    def _counted(self):
        if not self._is_here:
            return 0
        from licorne._engine import _requests

        return _requests()

    def notify(self):
        self.tmp.notify()


class Heartbeat:
    """`worker.tmp`: when the worker was last seen at work, by the monotonic clock."""

    def __init__(self, index):
        self._index = index
        self._made = time.monotonic()

    def last_update(self):
        from licorne._engine import _last_beat

        return max(_last_beat(self._index), self._made)

    def notify(self):
        """In the worker: the call that runs is given its whole time again."""
        from licorne._engine import _beat

        _beat()

    def close(self):
        """There is no file."""


def boot(master, index, report_fd, dump_signal):
    """-> the WSGI callable. Exceptions are logged here and passed on; C chooses the status."""
    log = master.log_to
    title.set_title(master.name, "worker", master.config.proc_name)
    os.environ["LICORNE_WORKER_INDEX"] = str(index)
    master.worker = worker = master.arbiter._next
    worker.pid, worker._is_here = os.getpid(), True
    master.report = report = Report(report_fd)
    log.info("Booting worker with pid: %s", worker.pid)
    try:
        hooks.in_boot(master, "post_fork", master.arbiter, worker)
        _install_signal_handlers(master)
        report.begin(dump_signal)
        worker.wsgi = worker.app.callable = _load(master)
        hooks.in_boot(master, "post_worker_init", worker)
        return worker.wsgi
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
    config = master.config
    os.environ.update(environment.variables(config.raw_env))
    identity.become(config.user, config.group, config.initgroups)
    if config.reload:
        _start_reloader(master)
    try:
        return _import(master)
    finally:
        if config.reload:
            master.worker.reloader.scan()


def _import(master):
    if master.app is not None:
        return master.app
    _step(STEP_CHDIR)
    enter_chdir(master.config)
    _step(STEP_IMPORT)
    try:
        return import_app(master.uri)
    except SyntaxError as error:
        if not master.config.reload:
            raise
        return _stand_in(master, error)


def _stand_in(master, error):
    """Until the broken file is mended."""
    from licorne.broken import page_for

    master.log_to.exception("Exception in worker process")
    if error.filename:
        master.worker.reloader.add_extra_file(error.filename)
    return page_for(error)


def _start_reloader(master):
    from licorne.reloader import Reloader

    log = master.log_to

    def on_change(path):
        log.info("Worker reloading: %s modified", path)
        hooks.told(master, "worker_int")
        os.kill(os.getpid(), signal.SIGTERM)  # the main thread lets its requests finish

    config = master.config
    log.warning("Reloader is on. Use in development only!")
    master.worker.reloader = Reloader(on_change, config.reload_extra_files, config.reload_engine)
    master.worker.reloader.start()


def _step(number):
    from licorne._engine import _boot_step

    _boot_step(number)


def ready(master):
    """Everything stands, and the next thing is the first request."""
    master.report.end()
    master.worker.booted = True
    if not master.worker.alive:
        master.worker.alive = False  # a hook of its boot wished so


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
    hooks.at_exit(master)
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

    def stop(is_graceful, status):
        master.worker._alive = False
        if not master.worker.booted:  # it ends in worker_stop()
            hooks.at_exit(master)
        return worker_stop(is_graceful, status)

    def on_term(number, frame):
        stop(True, 0)

    def on_quit(number, frame):
        master.is_interrupted = True
        try:
            hooks.told(master, "worker_int")
        finally:
            in_application = stop(False, 0)
        _leave(in_application, 0)

    def on_abort(number, frame):
        try:
            hooks.told(master, "worker_abort")
        finally:
            in_application = stop(False, 1)
        _leave(in_application, 1)

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
