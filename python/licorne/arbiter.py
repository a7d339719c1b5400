"""The `server` of hooks: what people's functions know of the master, and may ask of it.

The master itself is C. Its attributes are kept up to date here, and what is asked of it goes the
way that an operator's wish goes: by the signal. A worker has the copy that was there when it was
forked, as under Gunicorn; asked there, the signal goes to the master all the same.
"""

import contextlib
import os
import signal
import sys

from licorne import hooks
from licorne.worker import Worker

_SIGNALS = "HUP QUIT INT TERM TTIN TTOU USR1 USR2 WINCH"


class App:
    """`server.app` and `worker.app`."""

    def __init__(self, master):
        self._master = master
        self.callable = None

    @property
    def cfg(self):
        return self._master.config

    @property
    def app_uri(self):
        return self._master.uri

    def wsgi(self):
        """-> the application, if this process has imported it"""
        return self.callable or self._master.app


class Arbiter:
    WORKER_BOOT_ERROR = 3
    APP_LOAD_ERROR = 4
    SIGNALS = [getattr(signal, "SIG" + name) for name in _SIGNALS.split()]
    SIG_NAMES = {getattr(signal, "SIG" + name): name.lower() for name in _SIGNALS.split()}

    def __init__(self, master):
        self._master = master
        self._num_workers = None
        self._next = None  # the worker that is about to be forked
        self._wish = None  # the exit status that halt() asked for
        self._has_failed = False
        self.pid = None  # until it starts
        self.WORKERS = {}  # pid: Worker
        self.LISTENERS = []
        self.worker_age = 0
        self.app = App(master)
        self.pidfile = None
        self.systemd = False
        self.master_name = "Master"
        self.START_CTX = {
            "args": [sys.executable, *sys.argv],
            "cwd": os.getcwd(),
            0: sys.executable,
        }

    @property
    def cfg(self):
        return self._master.config

    @property
    def log(self):
        return self._master.log_to

    @property
    def address(self):
        """As they were configured: (host, port), a path, or a descriptor."""
        return [a[1:3] if a[0] == "tcp" else a[1] for a in self.cfg.addresses()]

    @property
    def timeout(self):
        return self.cfg.timeout

    @property
    def proc_name(self):
        return self.cfg.values.get("proc_name") or self._master.uri

    @property
    def worker_class(self):
        return self._master.worker_class()

    @property
    def reexec_pid(self):
        """The new master that USR2 made, or 0."""
        return self._master.upgrades.child

    @property
    def master_pid(self):
        """The old master, of which this one is the upgrade, or 0."""
        return self._master.upgrades.parent

    @property
    def num_workers(self):
        return self._num_workers

    @num_workers.setter
    def num_workers(self, want):
        have = self._num_workers
        for _ in range(abs(want - have)):
            self._ask(signal.SIGTTIN if want > have else signal.SIGTTOU)

    # --- what may be asked

    def stop(self, graceful=True):
        self._ask(signal.SIGTERM if graceful else signal.SIGQUIT)

    def halt(self, reason=None, exit_status=0):
        """Unlike Gunicorn's it returns, and the server ends as soon as the caller has."""
        if reason is not None:
            self.log.error("Reason: %s", reason)
        self._wish = exit_status
        self.stop()

    def reload(self):
        self._ask(signal.SIGHUP)

    def reexec(self):
        self._ask(signal.SIGUSR2)

    def wakeup(self):
        """The loop of the C master needs none."""

    def kill_worker(self, pid, sig):
        with contextlib.suppress(ProcessLookupError):  # it has ended, and will be reaped
            os.kill(pid, sig)

    def kill_workers(self, sig):
        for pid in list(self.WORKERS):
            self.kill_worker(pid, sig)

    def _ask(self, number):
        if os.getpid() == self.pid:
            signal.raise_signal(number)  # delivered here and now: two of a kind stay two
        else:
            os.kill(self.pid, number)

    # --- called on the way up and down, by Master.run()

    def _starting(self):
        """-> hooks.GO_ON, or an exit status"""
        self.pid = os.getpid()
        return hooks.in_master(self, "on_starting", self, at_start=True)

    def _ended(self, status):
        """-> the exit status"""
        self.LISTENERS = []
        if self._wish is not None and status == 0:
            status = self._wish
        if self._has_failed:
            return status
        end = hooks.in_master(self, "on_exit", self, at_start=True)
        return status if end == hooks.GO_ON else end

    # --- callbacks of the C master; each -> hooks.GO_ON, or the status to end with at once

    def _loop(self, name, *args, **kw):
        status = hooks.in_master(self, name, *args, **kw)
        self._has_failed = self._has_failed or status != hooks.GO_ON
        return status

    def _ready(self):
        return self._loop("when_ready", self, at_start=True)

    def _about_to_fork(self, index, age):
        self.worker_age = age
        self._next = Worker(
            age, self.pid, self.LISTENERS, self.app, self.timeout / 2, self.cfg, self.log, index
        )
        return self._loop("pre_fork", self, self._next)

    def _forked(self, pid):
        worker, self._next = self._next, None
        worker.pid = pid
        self.WORKERS[pid] = worker
        return hooks.GO_ON

    def _reaped(self, pid, was_stuck, halts):
        worker = self.WORKERS.pop(pid, None)
        if worker is None or halts:
            return hooks.GO_ON
        worker.aborted = worker.aborted or was_stuck
        return self._loop("child_exit", self, worker)

    def _resized(self, want, was, at_start=False):
        self._num_workers = want
        return self._loop("nworkers_changed", self, want, was, at_start=at_start)

    # --- for reload and upgrade

    def _reloaded(self):
        """The new configuration holds, and no worker runs by it yet."""
        return self._loop("on_reload", self)

    def _before_exec(self):
        """In the child that is about to become the new master. What it raises is the caller's."""
        hook = self.cfg.hook("pre_exec")
        if hook is not None:
            hook(self)
