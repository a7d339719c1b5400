"""Logger classes for configurations of tests."""

import logging
import os

from licorne.glogging import Logger


class Heard(Logger):
    """Does nothing of its own, but takes the Python path for both logs."""

    def access(self, resp, req, environ, request_time):
        super().access(resp, req, environ, request_time)

    def warning(self, msg, *args, **kwargs):
        super().warning(msg, *args, **kwargs)


class Quiet(Logger):
    """Overrides what no line is made of."""

    def setup(self, cfg):
        super().setup(cfg)
        self.was_set_up = True


class Extra(Logger):
    def atoms(self, resp, req, environ, request_time):
        atoms = super().atoms(resp, req, environ, request_time)
        atoms["x"] = f"{resp.status_code}/{resp.status}/{req.method}/{req.path}/{req.version}"
        atoms["n"] = 1.5
        return atoms


class Stamped(Logger):
    def now(self):
        return "[then]"


class NoHealth(Logger):
    def access(self, resp, req, environ, request_time):
        if req.path != "/health":
            super().access(resp, req, environ, request_time)


class Filtered(Logger):
    """The recipe that most people use."""

    def setup(self, cfg):
        super().setup(cfg)
        self.access_log.addFilter(NoPing())


class NoPing(logging.Filter):
    def filter(self, record):
        return "/ping" not in record.getMessage()


class Json(Logger):
    def setup(self, cfg):
        super().setup(cfg)
        self._set_handler(self.error_log, cfg.errorlog, JsonFormatter())
        self._set_handler(self.access_log, cfg.accesslog, JsonFormatter())


class JsonFormatter(logging.Formatter):
    def format(self, record):
        import json

        if isinstance(record.args, dict):
            return json.dumps({"path": record.args["U"], "x": record.args["{X-Test}i"]})
        return json.dumps({"level": record.levelname, "message": record.getMessage()})


class Broken(Logger):
    def access(self, resp, req, environ, request_time):
        if req.path == "/ping/bad":
            raise ValueError("no line for this")
        super().access(resp, req, environ, request_time)


class Installed(Logger):
    @classmethod
    def install(cls):
        with open(os.path.join(os.environ["TEST_DIR"], "installed"), "w") as file:
            file.write(cls.__name__)


class Told:
    """Not derived from anything: the whole contract by itself."""

    def __init__(self, cfg):
        self.cfg = cfg
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")

    def _say(self, kind, msg, *args, **kwargs):
        with open(os.path.join(os.environ["TEST_DIR"], "told"), "a") as file:
            print(kind, msg % args if args else msg, file=file)

    def access(self, resp, req, environ, request_time):
        self._say("access", f"{resp.status} {req.uri} {environ['REMOTE_ADDR']}")

    def log(self, level, msg, *args, **kwargs):
        self._say(level, msg, *args)

    def reopen_files(self):
        self._say("reopen", "")

    def close_on_exec(self):
        pass

    def __getattr__(self, name):
        if name not in ("critical", "error", "warning", "info", "debug", "exception"):
            raise AttributeError(name)
        return lambda msg, *args, **kwargs: self._say(name, msg, *args)


def factory():
    """A function that gives the class is one of the forms of the setting."""
    return NoHealth
