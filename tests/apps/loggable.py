"""An application and logger classes that run under Gunicorn and Licorne alike."""

import os
import sys


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raise":
        raise ValueError("no")
    body = b"" if path == "/empty" else b"hello"
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-App", "yes")])
    return [body]


def stock():
    """The Logger of the server that imports this."""
    if "licorne" in sys.modules:
        from licorne.glogging import Logger
    else:
        from gunicorn.glogging import Logger
    return Logger


class Calls(stock()):
    def access(self, resp, req, environ, request_time):
        facts = {
            "status": (resp.status, resp.status_code),
            "out": resp.headers,
            "sent": (resp.sent, resp.response_length, resp.headers_sent, resp.chunked),
            "line": (req.method, req.uri, req.path, req.query, req.version, req.fragment),
            "in": sorted(req.headers),
            "scheme": req.scheme,
            "peer": (req.remote_addr[0], req.peer_addr == req.remote_addr),
            "environ": {k: v for k, v in sorted(environ.items()) if k.isupper()},
            "time": type(request_time).__name__,
            "class": [hasattr(self, name) for name in NAMES],
            "enabled": self.access_log_enabled,
            "atoms": sorted(self.atoms(resp, req, environ, request_time)),
        }
        facts["environ"].pop("REMOTE_PORT")
        facts["environ"].pop("SERVER_PORT")
        facts["environ"].pop("SERVER_SOFTWARE")
        text = "\n".join(f"{name} {value}" for name, value in facts.items())
        text = text.replace(" '{licorne.disconnected}e',", "")
        path = os.path.join(os.environ["TEST_DIR"], "called")
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)


NAMES = [
    "cfg",
    "error_log",
    "access_log",
    "error_fmt",
    "datefmt",
    "access_fmt",
    "syslog_fmt",
    "loglevel",
    "atoms_wrapper_class",
    "logfile",
    "lock",
    "LOG_LEVELS",
    "setup",
    "critical",
    "error",
    "warning",
    "info",
    "debug",
    "exception",
    "log",
    "atoms",
    "now",
    "reopen_files",
    "close_on_exec",
    "_get_gunicorn_handler",
    "_set_handler",
    "_set_syslog_handler",
    "_get_user",
]


class heard(stock()):
    def access(self, resp, req, environ, request_time):
        super().access(resp, req, environ, request_time)
