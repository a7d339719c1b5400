"""Listeners: bound by the master in Python, used by the engine in C.

The engine gets descriptors. The socket objects stay here, with the master, because closing one
would close the descriptor under the engine, and because the master removes socket files at the end.

With reuse_port a TCP listener has as many sockets as there are workers at the start. They live as
long as it: the last close of one resets the connections in its queue (src/engine/reuse.h).
"""

import _socket as socket  # the module in Python makes enumerations of 340 kB in every process
import errno
import os
import stat
import sys
import time

from licorne import identity, systemd

TRIES = 5


class Listener:
    """A bound, listening, non-blocking socket, and how it is called in logs and environs.

    `slots` has one for each worker's place, the first of which is `sock`; empty: all share `sock`.
    """

    __slots__ = (
        "sock",
        "slots",
        "kind",
        "display",
        "server_name",
        "server_port",
        "path",
        "identity",
        "address",
        "is_systemd",
    )

    def __init__(self, sock, slots=()):
        self.sock = sock
        self.slots = list(slots)
        self.path = self.identity = None
        self.address = None  # as configured; None: it was inherited
        self.is_systemd = False
        name = sock.getsockname()
        if sock.family == socket.AF_UNIX:
            text = name.decode() if isinstance(name, bytes) else name
            self.kind, self.display = "unix", "unix:" + text.replace("\0", "@")
            self.server_name, self.server_port = text, ""
            return
        host, port = name[:2]
        v6 = sock.family == socket.AF_INET6
        self.kind = "tcp6" if v6 else "tcp"
        self.display = f"http://[{host}]:{port}" if v6 else f"http://{host}:{port}"
        self.server_name, self.server_port = host, str(port)

    def for_engine(self):
        fd = self.sock.fileno()
        slots = [sock.fileno() for sock in self.slots]
        return (fd, self.kind, self.display, self.server_name, self.server_port, slots)

    def descriptors(self):
        """All of it, for who hands it on."""
        return [sock.fileno() for sock in self.slots or [self.sock]]

    def owns_file(self, path):
        """Remember which file is ours: a successor may have put its own in the same place."""
        self.path = os.path.abspath(path)
        self.identity = _identity(self.path)

    # What hooks are given in server.LISTENERS and worker.sockets: Gunicorn's wrapper of a socket.

    def __getattr__(self, name):
        if name == "sock":
            raise AttributeError(name)
        return getattr(self.sock, name)

    def __str__(self):
        return self.display

    @property
    def FAMILY(self):
        return self.sock.family

    @property
    def cfg_addr(self):
        name = self.sock.getsockname()
        return name[:2] if isinstance(name, tuple) else name

    def close(self, unlink=True):
        for sock in self.slots or [self.sock]:
            sock.close()
        if unlink and self.path and _identity(self.path) == self.identity:
            os.unlink(self.path)


def _identity(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def create_sockets(config, log, kept=(), tries=TRIES):
    """-> listeners. What was inherited replaces every other address. Exits with 1 on failure.

    `kept` are those of before: who is still wanted stays.
    """
    addresses = config.addresses()
    if kept and all(listener.address is None for listener in kept):
        return list(kept)
    inherited = _inherit([address[1] for address in addresses if address[0] == "fd"], config, log)
    if inherited:
        return inherited
    known = {listener.address: listener for listener in kept}
    counts = [len(known[one].slots) for one in addresses if one in known and known[one].slots]
    count = counts[0] if counts else config.workers  # of each address the same
    listeners = []
    for address in addresses:
        try:
            listener = known.get(address)
            listeners.append(listener or _bind_patiently(address, config, log, tries, count))
        except SystemExit:
            close_all([listener for listener in listeners if listener not in kept])
            raise
    return listeners


def close_all(listeners, unlink=True):
    for listener in listeners:
        listener.close(unlink)


def _inherit(given, config, log):
    """-> listeners by descriptors of the configuration, of an old master (USR2), of systemd"""
    found = [_adopt(fd, config, log) for fd in given]
    for listener in _united([_adopt(fd, config, log) for fd in _upgrade_fds(config.environ)]):
        if listener.kind == "unix" and not listener.server_name.startswith("\0"):
            listener.owns_file(listener.server_name)
        found.append(listener)
    for fd in systemd.listen_fds(config.environ):
        listener = _adopt(fd, config, log)
        listener.is_systemd = True
        found.append(listener)
    return found


def _united(listeners):
    """Sockets of workers' places, which have one address, become one listener again."""
    found = {}
    for one in listeners:
        first = found.setdefault(one.display, one)
        if first is not one:
            first.slots = [*(first.slots or [first.sock]), one.sock]
    return list(found.values())


def _upgrade_fds(environ):
    if "GUNICORN_PID" not in environ:
        return []
    return [int(word) for word in environ.pop("GUNICORN_FD", "").split(",") if word.isdigit()]


def _adopt(fd, config, log):
    try:
        sock = socket.socket(fileno=fd)
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            sock.listen(config.backlog)
    except OSError as error:
        log.error("Can't use fd://%d: %s", fd, error)
        sys.exit(1)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    sock.setblocking(False)
    os.set_inheritable(fd, False)
    return Listener(sock)


def _bind_patiently(address, config, log, tries, count):
    """A predecessor may still be letting go of the address."""
    shown = address[1:3] if address[0] == "tcp" else address[1]
    for left in reversed(range(tries)):
        try:
            listener = _bind(address, config, count)
            listener.address = address
            return listener
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                log.error("Connection in use: %s", shown)
            elif error.errno == errno.EADDRNOTAVAIL:
                log.error("Invalid address: %s", shown)
            log.error("connection to %s failed: %s", shown, error)
        except ValueError as error:
            log.error("%s", error)
            break
        if left:
            log.debug("Retrying in 1 second.")
            time.sleep(1)
    log.error("Can't connect to %s", shown)
    sys.exit(1)


def _bind(address, config, count):
    if address[0] == "unix":
        return _bind_unix(address[1], config)
    host, port, family = address[1:]
    if not has_slots(config):
        return Listener(_bind_tcp(family, (host, port), config))
    slots = [_bind_tcp(family, (host, port), config)]
    try:
        while len(slots) < count:
            slots.append(_bind_tcp(family, slots[0].getsockname(), config))
    except OSError:
        for sock in slots:
            sock.close()
        raise
    return Listener(slots[0], slots)


def has_slots(config):
    """Whether each worker has TCP sockets of its own; where the system has no such, they share."""
    return config.reuse_port and hasattr(socket, "SO_REUSEPORT")


def _bind_tcp(family, name, config):
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if has_slots(config):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(name)
        sock.setblocking(False)
        sock.listen(config.backlog)
    except OSError:
        sock.close()
        raise
    return sock


def _bind_unix(path, config):
    abstract = path.startswith("\0")
    if not abstract:
        _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(config.umask)
    try:
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(old_mask)
    listener = Listener(sock)
    if not abstract:
        listener.owns_file(path)
    try:
        if not abstract:
            identity.give(path, config.user, config.group)
        sock.setblocking(False)
        sock.listen(config.backlog)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_stale(path):
    """OSError (EADDRINUSE): somebody listens there."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ValueError(f"{path!r} is not a socket")
    if _is_live(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    os.remove(path)


def _is_live(path):
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.setblocking(False)
    try:
        probe.connect(path)
    except BlockingIOError:  # somebody listens, who is busy
        return True
    except OSError as error:  # refused; or a datagram socket, which may be anybody's
        return error.errno == errno.EPROTOTYPE
    finally:
        probe.close()
    return True
