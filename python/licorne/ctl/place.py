"""Where the control socket is, and whose file it is.

    default_path()            $XDG_RUNTIME_DIR/gunicorn.ctl, else $HOME/.gunicorn/gunicorn.ctl
    beside(path, pid)         gunicorn.123.ctl: when another server answers at gunicorn.ctl

The name is Gunicorn's, so that gunicornc finds this server without being told. Whoever looks,
binds, renames or removes does it under a lock on the directory, so that two servers that start or
end at the same moment never take each other's file.
"""

import os
import stat

LOCK_TRIES = 100  # of 10 ms each: nobody holds it for longer than a moment
BACKLOG = 128  # the master may be busy for a moment, and a client does not ask twice


def default_path(environ=os.environ):
    """-> path, or None for a user without a home."""
    if environ.get("XDG_RUNTIME_DIR"):
        return os.path.join(environ["XDG_RUNTIME_DIR"], "gunicorn.ctl")
    home = environ.get("HOME") or _home()
    return os.path.join(home, ".gunicorn", "gunicorn.ctl") if home else None


def _home():
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None


def beside(path, pid):
    stem, dot = os.path.splitext(path)
    return f"{stem}.{pid}{dot}"


class ControlSocket:
    """A bound, listening socket and its file. The engine owns the descriptor once it has it."""

    def __init__(self, wanted, mode):
        """Listen at `wanted`, or beside it if another server answers there. Raises OSError."""
        self.wanted = os.path.abspath(wanted)
        self.rival = None  # (pid of) who answers at `wanted`; 0: it did not say
        directory = os.path.dirname(self.wanted)
        os.makedirs(directory, 0o700, exist_ok=True)
        with _Locked(directory):
            self.rival = _who_answers(self.wanted)
            self.path = self.wanted
            if self.rival is not None:
                self.path = beside(self.wanted, os.getpid())
                _who_answers(self.path)
            self.fd = _bind(self.path, mode)
            self.identity = _identity(self.path)

    def take_name(self):
        """Move to the name that was wanted, if nobody answers there any more. -> whether done"""
        with _Locked(os.path.dirname(self.wanted)):
            if _who_answers(self.wanted) is not None:
                return False
            os.rename(self.path, self.wanted)
            self.path = self.wanted
        return True

    def remove(self):
        """Remove the file, unless somebody else's has its place. The socket may be closed."""
        try:
            with _Locked(os.path.dirname(self.path)):
                if _identity(self.path) == self.identity:
                    os.unlink(self.path)
        except OSError:
            pass  # the directory has gone, or is not ours any more


class _Locked:
    """A lock on a directory. After a second without it, go on: a server must come up, and end."""

    def __init__(self, directory):
        self.directory = directory

    def __enter__(self):
        import fcntl
        import time

        self.fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:  # a file system without locks
                break

    def __exit__(self, *exc):
        os.close(self.fd)


def _identity(path):
    """Of a file; with its time, because the next file may get the number of one that has gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _who_answers(path):
    """-> pid of who listens there (0: unknown), or None once the name is free; a stale file goes.

    A server that is stopped or busy counts as one that answers: connecting does not need it.
    """
    import _socket as socket
    import struct

    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(f"{path!r} is not a socket")
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.setblocking(False)
        probe.connect(path)
        if not hasattr(socket, "SO_PEERCRED"):
            return 0
        return struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    except BlockingIOError:  # more wait there already than it has room for
        return 0
    except (ConnectionRefusedError, FileNotFoundError):
        os.unlink(path)
        return None
    finally:
        probe.close()


def _bind(path, mode):
    import _socket as socket

    sock = socket.socket(socket.AF_UNIX)
    old_mask = os.umask(~mode & 0o777)  # never open to others, not for a moment
    try:
        sock.bind(path)
        sock.setblocking(False)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(old_mask)
    return sock.detach()
