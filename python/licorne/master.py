"""What the master process does in Python: before the C master starts, and when it calls back.

    Master.run()   log, listeners ──▶ _engine.run_master(config, self) ──▶ exit status
                                        │ fork
                                        └─ in the child: worker_boot(), requests, worker_exit()

The C master forks, reaps, respawns and answers signals. It calls the methods below marked
"callback", with the GIL held; those of the worker run in the forked child.
"""

import logging
import os
import signal
import threading

from licorne import (
    SERVER,
    SERVER_SOFTWARE,
    __version__,
    glogging,
    hooks,
    sock,
    systemd,
    title,
    worker,
)
from licorne.app.loader import import_app
from licorne.arbiter import Arbiter
from licorne.config import accesslog, cpus
from licorne.ctl import serve as ctl
from licorne.environment import Environment
from licorne.errors import ConfigError
from licorne.log import backlog, bridge, paths
from licorne.pidfile import Pidfile
from licorne.reload import Reloads
from licorne.start import Start
from licorne.upgrade import Upgrade


class Master:
    def __init__(self, config, uri, start=None, name="licorne"):
        self.config = config
        self.uri = uri
        self.start = start or Start()
        self.name = name
        self.pidfile = None
        self.reloads = None  # from the moment that there are listeners
        self.upgrades = Upgrade(self.start)
        self.app = None  # set here only by preload_app
        self.is_interrupted = False  # in a worker: it was told to leave at once
        self.worker = None  # in a worker: what its hooks are given
        self.report = None  # in a worker: what it leaves for the master
        self.environment = Environment()
        self.environment.enter(config.raw_env)
        self.control = None  # the control socket, while it serves
        self.facts = None  # in a worker: for environs that the application never saw
        self.log_to = glogging.setup(config)
        self.arbiter = Arbiter(self)  # what hooks are given, and what they are called by
        self._show_config()

    def run(self):
        """-> exit status"""
        from licorne import _engine  # late: --check-config and its like do without

        status = self.arbiter._resized(self.config.workers, None, at_start=True)
        if status != hooks.GO_ON:
            return status
        if self.config.preload_app and not self.preload():
            return 1
        log = self.log_to
        log.info("Starting %s %s", self.name, __version__)
        pid = os.getpid()
        try:
            self.show_process()
            if (status := self.arbiter._starting()) != hooks.GO_ON:
                return status
            self.reloads = Reloads(self, sock.create_sockets(self.config, log))
            self.arbiter.LISTENERS = listeners = self.reloads.now.listeners
            self.say_listening(listeners)
            log.info("Using worker: %s", self.worker_class())
            self._look_at_access_log()
            if text := cpus.hint(self.config.workers):
                log.warning("%s", text)
            self.control = ctl.Control(self.config, log)
            status = _engine.run_master(self.engine_config(listeners), self)
        finally:
            if os.getpid() == pid:  # a worker that unwinds this far owns none of it
                if self.control:
                    self.control.close()
                if self.reloads:
                    sock.close_all(self.reloads.listeners, unlink=not self.upgrades.is_shared)
                if self.pidfile:
                    self.pidfile.unlink()
                self._end_signals()
        return self.arbiter._ended(status)

    def show_process(self):
        """What others find this process by: its title and the pid file. The new master of an
        upgrade has names of its own until the old one has gone."""
        suffix = ".2" if self.upgrades.parent else ""
        title.set_title(self.name, "master", self.config.proc_name + suffix)
        path = self.config.pidfile and self.config.pidfile + suffix
        old = self.pidfile
        if path == (old and old.shown):
            return
        if path:
            new = Pidfile(path)
            new.create(os.getpid())
        self.pidfile = new if path else None
        if old:
            old.unlink()

    def show_process_again(self):
        """The same in a master that serves: what cannot be done is told, and it goes on."""
        try:
            self.show_process()
        except ConfigError as error:
            self.log_to.error("%s", error)

    def say_listening(self, listeners):
        """As Gunicorn has it, the first line names what all workers share."""
        shared = ",".join(listener.display for listener in listeners if not listener.slots)
        self.log_to.info("Listening at: %s (%s)", shared, os.getpid())
        own = [listener for listener in listeners if listener.slots]
        if own:
            shown = ",".join(listener.display for listener in own)
            count = len(own[0].slots)
            self.log_to.info("Listening at: %s, with %d sockets (reuse_port)", shown, count)

    def _end_signals(self):
        """The engine left the stopping ones without effect, and one Ctrl-C more changes nothing.

        Other people's code, though, may hold the process up at its end, and must be stoppable.
        """
        is_alone = (
            self.app is None
            and threading.active_count() == 1
            and self.config.hook("on_exit") is None
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN if is_alone else signal.SIG_DFL)

    def _look_at_access_log(self):
        chosen = paths.access(self.log_to)
        if self.config.accesslog and chosen.is_closed:
            self.log_to.warning("There is no access log: standard output is closed")
        if chosen.kind != paths.ENGINE:
            return
        odd = accesslog.only_python(self.config.access_log_format)
        if odd:
            raise ConfigError(
                f"{odd} is no number, unless a logger_class gives it in atoms()",
                lead=f"Invalid value for access_log_format: {self.config.access_log_format}",
            )
        for name in accesslog.unknown_environ(self.config.access_log_format):
            self.log_to.warning(
                "access_log_format: %%({%s}e)s will be '-': only the application's environ has it",
                name,
            )

    def _show_config(self):
        if self.log_to.error_log.isEnabledFor(logging.DEBUG):
            lines = [f"  {name}: {value}" for name, value in self.config.values.items()]
            self.log_to.debug("Current configuration:\n%s", "\n".join(lines))

    def worker_class(self):
        """As Gunicorn has it: a sync worker with threads is a gthread one."""
        return self.config.worker_class_str

    def engine_config(self, listeners):
        config = self.config.engine()
        config["listeners"] = [listener.for_engine() for listener in listeners]
        config["server_software"] = SERVER_SOFTWARE
        config["server_header"] = SERVER
        config["control"] = self.control.for_engine() if self.control else None
        config["access_fd"] = -1  # a worker decides, in log_paths()
        config["enable_backlog_metric"] = bool(self.config.enable_backlog_metric)
        config["log_fd"] = glogging.descriptor()
        config["log_level"] = logging.getLogger("gunicorn.error").level
        is_threaded = self.worker_class() == "gthread"
        config["boot_timeout"] = self.config.boot_timeout
        notify = systemd.notify_target(self.config.environ)
        if notify:
            config["notify"] = notify
        config["multithread"] = is_threaded
        config["main_called"] = not is_threaded
        config["threads"] = max(self.config.threads, 1) if is_threaded else 1
        config["multiprocess"] = self.config.workers > 1
        config["request_hooks"] = hooks.for_requests(self.config, self.log_to)
        config["daemon"] = bool(self.config.values.get("daemon"))
        config["parent_pid"] = self.upgrades.parent
        return config

    def _environ_facts(self):
        if self.facts is None:
            fixed = {
                "SCRIPT_NAME": os.environ.get("SCRIPT_NAME", ""),
                "SERVER_SOFTWARE": SERVER_SOFTWARE,
                "wsgi.multithread": self.worker_class() == "gthread",
                "wsgi.multiprocess": self.config.workers > 1,
            }
            names = [listener.for_engine()[3:5] for listener in self.reloads.now.listeners]
            self.facts = fixed, names
        return self.facts

    def preload(self):
        try:
            self.app = import_app(self.uri)
        except Exception:
            import traceback

            trace = traceback.format_exc()
            self.log_to.error("Error while loading the application:\n%s", trace.rstrip())
            return False
        self.arbiter.app.callable = self.app
        return True

    def log(self, level, message):
        """Callback of both processes: a line of the engine's, level as in `logging`."""
        bridge.say(self.log_to, level, message)

    def master_started(self):
        """Callback of the master: its signal handlers stand, no worker is forked yet."""
        import gc

        # What exists now lives as long as the master: no collection in a worker need touch, and so
        # copy, its pages.
        gc.collect()
        gc.freeze()
        self.log_to.debug("Arbiter booted")

    def reopen_logs(self):
        """Callback of the master on SIGUSR1."""
        self.log_to.reopen_files()

    def workers_counted(self, count):
        """Callback of the master: so many workers live now, other than before."""
        self.log_to.debug(
            f"{count} workers",
            extra={"metric": "gunicorn.workers", "value": count, "mtype": "gauge"},
        )

    def look_at_backlog(self):
        """Callback of the master, once a second, with enable_backlog_metric."""
        waiting = backlog.waiting(self.reloads.now.listeners)
        if waiting >= 0:
            self.log_to.debug(
                f"socket backlog: {waiting}",
                extra={"metric": "gunicorn.backlog", "value": waiting, "mtype": "histogram"},
            )

    def log_paths(self):
        """Callback of a worker: who makes the lines of its logs, from now on."""
        return bridge.choose(self.log_to)

    def log_access(self, environ, note):
        """Callback of a worker under the Python path: one request has been answered."""
        try:
            bridge.access(self.log_to, environ, note, self._environ_facts())
        except Exception:
            self.log_to.exception("Exception in the access log")

    def reload(self):
        """Callback of the master on SIGHUP. -> a configuration for the engine, or None"""
        return self.reloads.read()

    def reloaded(self):
        """A new configuration holds and its listeners stand; no worker of it is forked yet."""
        self.show_process_again()
        self.arbiter.LISTENERS = self.reloads.now.listeners
        status = self.arbiter._reloaded()
        if status != hooks.GO_ON:
            self.arbiter.halt(exit_status=status)

    def reload_ended(self, how):
        """Callback of the master: "proven", "failed" or "settled" (reload.py)."""
        self.reloads.ended(how)
        self.arbiter.LISTENERS = self.reloads.now.listeners
        if how == "failed":
            self.show_process_again()

    def upgrade(self):
        """Callback of the master on SIGUSR2. -> the pid of the new master"""
        return self.upgrades.fork(self.reloads.now.listeners, self.log_to, self.before_exec)

    def before_exec(self):
        """In the process that is about to become the new master."""
        self.arbiter._before_exec()

    def upgrade_ended(self):
        """Callback of the master: the new one has ended."""
        self.upgrades.child_ended()

    def promoted(self):
        """Callback of the master: the old one has gone, and this one is the master."""
        self.upgrades.promoted()
        self.show_process_again()

    def control_show(self, what):
        """Callback of the master. -> JSON that answers `show config` or `show listeners`"""
        return ctl.show(what, self.config, self.reloads.now.listeners, self.uri)

    def control_inherit(self):
        """Callback of the master after USR2: the one before it has gone. -> done, or ask again"""
        return self.control.inherit()

    def worker_boot(self, index, report_fd=-1, dump_signal=0):
        """Callback of a new worker. -> the application; what it raises ends the worker.

        report_fd is a file that its master reads (report.py), or -1.
        """
        if self.reloads:
            self.reloads.leave_others()
        return worker.boot(self, index, report_fd, dump_signal)

    def worker_ready(self):
        """Callback of a worker: it has booted, and serves from now on."""
        worker.ready(self)

    def start_thread(self):
        """Callback of a worker's main thread: one more thread is to call serve_thread()."""
        worker.start_thread()

    def worker_exit(self, index):
        """Callback of a worker about to leave, also after a failed boot."""
        worker.exit(self, index)

    def handle_error(self, environ, method, path, exc):
        """Callback of a worker: the application, or what it returned, raised `exc`."""
        worker.log_request_error(self.log_to, method, path, exc, self.is_interrupted)

    def handle_hook_error(self, exc):
        """Callback of a worker: post_request raised `exc`."""
        if not (self.is_interrupted and isinstance(exc, SystemExit)):
            self.log_to.error("Exception in post_request hook", exc_info=exc)
