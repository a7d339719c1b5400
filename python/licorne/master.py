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

from licorne import SERVER, SERVER_SOFTWARE, __version__, glogging, sock, worker
from licorne.app.loader import import_app
from licorne.config import accesslog, cpus
from licorne.errors import ConfigError
from licorne.log import backlog, bridge, paths


class Master:
    def __init__(self, config, uri, name="licorne"):
        self.config = config
        self.uri = uri
        self.name = name
        self.app = None  # set here only by preload_app
        self.is_interrupted = False  # in a worker: it was told to leave at once
        self.worker = None  # in a worker: what its hooks are given
        self.report = None  # in a worker: what it leaves for the master
        self.listeners = []
        self.facts = None  # in a worker: for environs that the application never saw
        if config.values["default_proc_name"] == "gunicorn":
            config.values["default_proc_name"] = uri  # syslog's lines carry it
        self.log_to = glogging.setup(config)

    def run(self):
        """-> exit status"""
        from licorne import _engine  # late: --check-config and its like do without

        if self.config.preload_app and not self._preload():
            return 1
        log = self.log_to
        log.info("Starting %s %s", self.name, __version__)
        pid = os.getpid()
        listeners = sock.create_sockets(self.config, log)
        try:
            self._say_where(listeners, pid)
            log.info("Using worker: %s", self.worker_class())
            self._look_at_access_log()
            if text := cpus.hint(self.config.workers):
                log.warning("%s", text)
            return _engine.run_master(self.engine_config(listeners), self)
        finally:
            if os.getpid() == pid:  # a worker that unwinds this far owns none of it
                sock.close_all(listeners)
                self._end_signals()

    def _say_where(self, listeners, pid):
        """As Gunicorn has it, the first line names what all workers share."""
        shared = ",".join(listener.display for listener in listeners if not listener.slots)
        self.log_to.info("Listening at: %s (%s)", shared, pid)
        own = [listener for listener in listeners if listener.slots]
        if own:
            shown = ",".join(listener.display for listener in own)
            count = len(own[0].slots)
            self.log_to.info("Listening at: %s, with %d sockets (reuse_port)", shown, count)

    def _end_signals(self):
        """The engine left the stopping ones without effect, and one Ctrl-C more changes nothing.

        Other people's code, though, may hold the process up at its end, and must be stoppable.
        """
        is_alone = self.app is None and threading.active_count() == 1
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

    def worker_class(self):
        """As Gunicorn has it: a sync worker with threads is a gthread one."""
        return self.config.worker_class_str

    def engine_config(self, listeners):
        config = self.config.engine()
        self.listeners = listeners
        config["listeners"] = [listener.for_engine() for listener in listeners]
        config["server_software"] = SERVER_SOFTWARE
        config["server_header"] = SERVER
        config["access_fd"] = -1  # a worker decides, in log_paths()
        config["enable_backlog_metric"] = bool(self.config.enable_backlog_metric)
        config["log_fd"] = glogging.descriptor()
        config["log_level"] = logging.getLogger("gunicorn.error").level
        is_threaded = self.worker_class() == "gthread"
        config["multithread"] = is_threaded
        config["main_called"] = not is_threaded
        config["threads"] = max(self.config.threads, 1) if is_threaded else 1
        config["multiprocess"] = self.config.workers > 1
        return config

    def _environ_facts(self):
        if self.facts is None:
            fixed = {
                "SCRIPT_NAME": os.environ.get("SCRIPT_NAME", ""),
                "SERVER_SOFTWARE": SERVER_SOFTWARE,
                "wsgi.multithread": self.worker_class() == "gthread",
                "wsgi.multiprocess": self.config.workers > 1,
            }
            names = [listener.for_engine()[3:5] for listener in self.listeners]
            self.facts = fixed, names
        return self.facts

    def _preload(self):
        try:
            self.app = import_app(self.uri)
        except Exception:
            import traceback

            trace = traceback.format_exc()
            self.log_to.error("Error while loading the application:\n%s", trace.rstrip())
            return False
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
        waiting = backlog.waiting(self.listeners)
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

    def worker_boot(self, index, report_fd=-1, dump_signal=0):
        """Callback of a new worker. -> the application; what it raises ends the worker.

        report_fd is a file that its master reads (report.py), or -1.
        """
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
