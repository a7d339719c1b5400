"""The control socket of a server: opened as its settings say, and what only Python can tell.

Everything else is answered in C (src/super/control.c), in the master's own loop.
"""

import os

from licorne.ctl.place import ControlSocket

# What `show config` tells, in Gunicorn's order.
SHOWN = [
    "bind",
    "workers",
    "worker_class",
    "threads",
    "timeout",
    "graceful_timeout",
    "keepalive",
    "max_requests",
    "max_requests_jitter",
    "worker_connections",
    "preload_app",
    "daemon",
    "pidfile",
    "proc_name",
    "reload",
    "dirty_workers",
    "dirty_apps",
    "dirty_timeout",
    "control_socket",
    "control_socket_disable",
]

INHERIT_TRIES = 10  # a second apart


class Control:
    """Stands whether or not there is a socket: without one every method does nothing."""

    def __init__(self, config, log, environ=os.environ):
        self.log = log
        self.socket = None
        self.heir_of = 0
        self.tries = INHERIT_TRIES
        self.is_shared = bool(config.control_socket_mode & 0o022)
        if config.control_socket_disable:
            return
        is_asked_for = config.origins.get("control_socket") != "default"
        try:
            self.socket = open_socket(config)
        except OSError as error:
            # On by default, and many containers have no home that can be written to: no trouble.
            tell = log.error if is_asked_for else log.debug
            tell("No control socket at %s: %s", config.control_socket, error)
        if self.socket is not None:
            self._tell_place(environ)

    def _tell_place(self, environ):
        place = self.socket
        if place.rival is None:
            self.log.info("Control socket listening at %s", place.path)
            return
        who = f"pid {place.rival}" if place.rival else "another server"
        self.log.info(
            "Control socket listening at %s (%s answers at %s)", place.path, who, place.wanted
        )
        # After USR2 the server that answers is the one that started us, and will go.
        if environ.get("GUNICORN_PID") == str(os.getppid()) == str(place.rival):
            self.heir_of = place.rival

    def for_engine(self):
        """(descriptor, may others than its owner connect, pid of the server to inherit from)"""
        if self.socket is None:
            return None
        return (self.socket.fd, self.is_shared, self.heir_of)

    def inherit(self):
        """The server before this one has gone. -> whether there is nothing left to wait for

        Somebody else may have been quicker, and keeps the name.
        """
        self.tries -= 1
        try:
            is_done = self.socket.take_name()
        except OSError as error:
            self.log.warning("Control socket stays at %s: %s", self.socket.path, error)
            return True
        if is_done:
            self.log.info("Control socket listening at %s", self.socket.path)
        return is_done or self.tries <= 0

    def close(self):
        if self.socket is not None:
            self.socket.remove()


def open_socket(config):
    path = config.control_socket
    if not path:
        raise FileNotFoundError("no path is given, and there is no home directory")
    return ControlSocket(os.path.join(config.chdir, path), config.control_socket_mode)


def show(what, config, listeners, app_name):
    """Callback of the master. -> JSON: the data of `show config` or `show listeners`"""
    import json

    if what == "config":
        return json.dumps(shown_config(config, app_name), default=str)
    rows = [
        {"address": listener.display, "fd": fd, "type": listener.kind}
        for listener in listeners
        for fd in listener.descriptors()
    ]
    return json.dumps({"listeners": rows, "count": len(rows)})


def shown_config(config, app_name):
    values = {name: config.values[name] for name in SHOWN}
    values["proc_name"] = values["proc_name"] or app_name
    return values
