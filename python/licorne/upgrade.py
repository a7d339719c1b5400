"""USR2: a new program beside this one, on the same sockets; and how this one was begun so.

    GUNICORN_PID   the old master
    GUNICORN_FD    its listening sockets, by number; those of systemd as systemd passes them

Gunicorn reads and writes the same, so either can be upgraded to the other. While both live no file
of a socket is removed: it is the other's, too.
"""

import os
import sys


class Upgrade:
    def __init__(self, start, environ=os.environ):
        self.start = start
        word = environ.get("GUNICORN_PID", "")
        self.parent = int(word) if word.isdigit() else 0
        self.child = 0

    @property
    def is_shared(self):
        return bool(self.parent or self.child)

    def fork(self, listeners, log, pre_exec):
        """-> the pid of the new master, in this one"""
        master = os.getpid()
        pid = os.fork()
        if pid:
            self.child = pid
            return pid
        try:
            pre_exec()
            self._become_new(master, listeners)
        except BaseException:
            log.exception("Exception while starting the new master")
        finally:
            os._exit(1)

    def _become_new(self, master, listeners):
        environ = dict(self.start.environ, GUNICORN_PID=str(master))
        environ.pop("GUNICORN_FD", None)
        descriptors = [number for listener in listeners for number in listener.descriptors()]
        for number in descriptors:
            os.set_inheritable(number, True)
        if listeners and all(listener.is_systemd for listener in listeners):
            environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(descriptors)))
        else:
            environ["GUNICORN_FD"] = ",".join(map(str, descriptors))
        os.chdir(self.start.cwd)
        # orig_argv, for `python -m licorne` must not become `python .../licorne/__main__.py`.
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)

    def child_ended(self):
        self.child = 0

    def promoted(self):
        self.parent = 0
        os.environ.pop("GUNICORN_PID", None)
        self.start.environ.pop("GUNICORN_PID", None)
