"""Listeners: bound by the master in Python, used by the engine in C.

The engine gets descriptors. The socket objects stay here, with the master, because closing one
would close the descriptor under the engine, and because the master removes socket files at the end.

With reuse_port a TCP listener has as many sockets as there are workers at the start. They live as
long as it: the last close of one resets the connections in its queue (src/engine/reuse.h).
"""

import errno
import os
import socket
import stat
import sys
import time

TRIES = 5
FIRST_PASSED_FD = 3  # systemd's protocol: descriptors from 3 on


class Listener:
    """A bound, listening, non-blocking socket, and how it is called in logs and environs.

    `slots` has one for each worker slot, the first of which is `sock`; empty: all share `sock`.
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
    )

    def __init__(self, sock, slots=()):
        self.sock = sock
        self.slots = list(slots)
        self.path = self.identity = None
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

    def close(self):
        for sock in self.slots or [self.sock]:
            sock.close()
        if self.path and _identity(self.path) == self.identity:
            os.unlink(self.path)


def _identity(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def create_sockets(config, log):
    """-> listeners. What was inherited replaces every other address. Exits with 1 on failure."""
    addresses = config.addresses()
    inherited = [address[1] for address in addresses if address[0] == "fd"]
    inherited += _systemd_fds(config.environ)
    if inherited:
        return [_adopt(fd, config, log) for fd in inherited]
    listeners = []
    for address in addresses:
        try:
            listeners.append(_bind_patiently(address, config, log))
        except SystemExit:
            close_all(listeners)
            raise
    return listeners


def close_all(listeners):
    for listener in listeners:
        listener.close()


def _systemd_fds(environ):
    if environ.pop("LISTEN_PID", None) != str(os.getpid()):
        return []
    count = environ.pop("LISTEN_FDS", "0")
    return range(FIRST_PASSED_FD, FIRST_PASSED_FD + int(count)) if count.isdigit() else []


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
    sock.set_inheritable(False)
    return Listener(sock)


def _bind_patiently(address, config, log):
    """A predecessor may still be letting go of the address."""
    shown = address[1:3] if address[0] == "tcp" else address[1]
    for _ in range(TRIES):
        try:
            return _bind(address, config)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                log.error("Connection in use: %s", shown)
            elif error.errno == errno.EADDRNOTAVAIL:
                log.error("Invalid address: %s", shown)
            log.error("connection to %s failed: %s", shown, error)
        except ValueError as error:
            log.error("%s", error)
            break
        log.debug("Retrying in 1 second.")
        time.sleep(1)
    log.error("Can't connect to %s", shown)
    sys.exit(1)


def _bind(address, config):
    if address[0] == "unix":
        return _bind_unix(address[1], config)
    host, port, family = address[1:]
    if not has_slots(config):
        return Listener(_bind_tcp(family, (host, port), config))
    slots = [_bind_tcp(family, (host, port), config)]
    try:
        while len(slots) < config.workers:
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
        sock.setblocking(False)
        sock.listen(config.backlog)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(old_mask)
    listener = Listener(sock)
    if not abstract:
        listener.owns_file(path)
    return listener


def _remove_stale(path):
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ValueError(f"{path!r} is not a socket")
    os.remove(path)
