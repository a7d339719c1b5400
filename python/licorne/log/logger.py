"""Logger: what `logger_class` may be derived from, and what hooks get as `server.log`.

Its attributes and methods are those of Gunicorn's class of that name, the two with an underscore
included, for subclasses call and replace all of them. Which of the lines Python makes, and which
the engine, is decided in paths.py.
"""

import logging
import sys
import threading

from licorne.log import atoms, files

LEVELS = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


class Logger:
    LOG_LEVELS = LEVELS
    loglevel = logging.INFO
    error_fmt = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
    datefmt = "[%Y-%m-%d %H:%M:%S %z]"
    access_fmt = "%(message)s"
    syslog_fmt = "[%(process)d] %(message)s"
    atoms_wrapper_class = atoms.SafeAtoms

    def __init__(self, cfg):
        self.error_log = logging.getLogger("gunicorn.error")
        self.error_log.propagate = False
        self.access_log = logging.getLogger("gunicorn.access")
        self.access_log.propagate = False
        self.error_handlers = []
        self.access_handlers = []
        self.logfile = None  # where capture_output sends standard output and error
        self.lock = threading.Lock()
        self.cfg = cfg
        self.setup(cfg)

    def setup(self, cfg):
        """May be called again, with another configuration."""
        self.cfg = cfg
        self.loglevel = LEVELS.get((cfg.loglevel or "").lower(), logging.INFO)
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.INFO)
        if cfg.capture_output and (cfg.errorlog or "-") != "-":
            self.logfile = files.capture(cfg.errorlog, self.logfile)
        errors = logging.Formatter(self.error_fmt, self.datefmt)
        self._set_handler(self.error_log, cfg.errorlog or "-", errors, sys.stderr)
        lines = logging.Formatter(self.access_fmt)
        self._set_handler(self.access_log, cfg.accesslog, lines, sys.stdout)
        if cfg.syslog:
            self._set_syslog_handler(self.error_log, cfg, self.syslog_fmt, "error")
            if not cfg.disable_redirect_access_to_syslog:
                self._set_syslog_handler(self.access_log, cfg, self.syslog_fmt, "access")
        if cfg.logconfig_dict or cfg.logconfig_json or cfg.logconfig:
            from licorne.log import configured

            configured.apply(cfg)

    def critical(self, msg, *args, **kwargs):
        self.error_log.critical(msg, *args, **kwargs)

    def error(self, msg, *args, **kwargs):
        self.error_log.error(msg, *args, **kwargs)

    def warning(self, msg, *args, **kwargs):
        self.error_log.warning(msg, *args, **kwargs)

    def info(self, msg, *args, **kwargs):
        self.error_log.info(msg, *args, **kwargs)

    def debug(self, msg, *args, **kwargs):
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg, *args, **kwargs):
        self.error_log.exception(msg, *args, **kwargs)

    def log(self, lvl, msg, *args, **kwargs):
        if isinstance(lvl, str):
            lvl = LEVELS.get(lvl.lower(), logging.INFO)
        self.error_log.log(lvl, msg, *args, **kwargs)

    @property
    def access_log_enabled(self):
        cfg = self.cfg
        return bool(
            cfg.accesslog
            or cfg.logconfig
            or cfg.logconfig_dict
            or cfg.logconfig_json
            or (cfg.syslog and not cfg.disable_redirect_access_to_syslog)
        )

    def atoms(self, resp, req, environ, request_time):
        """What a format may name. request_time is a timedelta."""
        return atoms.atoms_of(resp, req, environ, request_time, self._get_user(environ), self.now())

    def access(self, resp, req, environ, request_time):
        """One request has been answered."""
        if not self.access_log_enabled:
            return
        named = self.atoms_wrapper_class(self.atoms(resp, req, environ, request_time))
        try:
            # The atoms are the record's args, and the format its msg: JSON formatters read them.
            self.access_log.info(self.cfg.access_log_format, named)
        except Exception:
            self.exception("Exception in the access log")

    def now(self):
        return atoms.now()

    def reopen_files(self):
        """After log rotation: every file of every logger in the process, not only our own."""
        if self.logfile is not None:
            with self.lock:
                self.logfile = files.capture(self.cfg.errorlog, self.logfile)
        files.reopen()

    def close_on_exec(self):
        files.close_on_exec()

    def _get_user(self, environ):
        return atoms.user_of(environ)

    def _get_gunicorn_handler(self, log):
        """The handler that _set_handler has given to a logger, or None."""
        for handler in log.handlers:
            if getattr(handler, "_gunicorn", False):
                return handler
        return None

    def _set_handler(self, log, output, fmt, stream=None):
        """Replace the handler of a logger: by a file, by a stream for '-', by none for None."""
        for handler in [h for h in log.handlers if getattr(h, "_gunicorn", False)]:
            log.removeHandler(handler)
            handler.close()
        if output is None:
            return
        handler = (
            logging.StreamHandler(stream) if output == "-" else files.open_log(output, self.cfg)
        )
        handler.setFormatter(fmt)
        handler._gunicorn = True
        log.addHandler(handler)

    def _set_syslog_handler(self, log, cfg, fmt, name):
        from licorne.log import syslog

        log.addHandler(syslog.handler(cfg, fmt, name))
