"""The file that holds the master's process id, for who wants to send it a signal.

One that names a process which still runs is refused; one that was left behind is replaced. A file
is only ever removed by the process that it names.
"""

import os

from licorne.errors import ConfigError


class Pidfile:
    def __init__(self, path):
        self.path = os.path.abspath(path)  # the working directory may change
        self.shown = path
        self.pid = None

    def create(self, pid):
        """ConfigError: another instance runs, or the file cannot be made."""
        running = self.validate()
        if running is not None and running != os.getpid():
            raise ConfigError(
                f"Already running on PID {running} (or pid file {self.shown!r} is stale)"
            )
        self.pid = pid
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            raise ConfigError(f"{os.path.dirname(self.shown)} doesn't exist. Can't create pidfile.")
        try:
            self._write(directory)
        except OSError as error:
            raise ConfigError(f"Can't create pidfile {self.shown!r}: {error}") from None

    def _write(self, directory):
        import tempfile  # late: a start without a pid file does without it

        # Whoever reads it sees a whole one.
        fd, temporary = tempfile.mkstemp(dir=directory)
        try:
            with open(fd, "w") as file:
                file.write(f"{self.pid}\n")
                os.fchmod(file.fileno(), 0o644)
            os.rename(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise

    def rename(self, path):
        """The file is called otherwise from now on."""
        self.unlink()
        self.path = os.path.abspath(path)
        self.shown = path
        self.create(self.pid)

    def unlink(self):
        """Remove it, if it is still ours."""
        try:
            if _read(self.path) == self.pid:
                os.unlink(self.path)
        except OSError:
            return

    def validate(self):
        """-> the process that the file names, if it runs"""
        try:
            pid = _read(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"Can't read pidfile {self.shown!r}: {error}") from None
        if pid is None or pid <= 0:
            return None
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return None
        except PermissionError:  # somebody else's, but there
            return pid
        return pid


def _read(path):
    """-> the number in a file, or None if there is none"""
    with open(path, "rb") as file:
        text = file.read(64)
    try:
        return int(text)
    except ValueError:
        return None
