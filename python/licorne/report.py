"""What a worker leaves for its master to read, in a nameless file in memory that both have open.

    while it boots   what is written to sys.stderr, whose descriptor stays as it was inherited
    always           faulthandler's stacks of all threads: at a crash, and when the master asks

So the master can say how a boot failed, also one that ended in a segmentation fault, where a crash
happened, and where a worker is stuck, even in C code that does not let go of the GIL.
"""

import contextlib
import faulthandler
import os
import sys

LIMIT = 16384  # bytes of sys.stderr that are kept at most


class Report:
    def __init__(self, fd):
        self.fd = fd  # -1: there is none
        self.is_booting = False
        self.stream = None
        self.copier = None

    def begin(self, dump_signal):
        """Call it after the handler of SIGABRT is set: faulthandler's comes before that one."""
        if self.fd < 0:
            return
        # Who has enabled it already (PYTHONFAULTHANDLER, --preload) knows where the stacks belong.
        if not faulthandler.is_enabled():
            faulthandler.enable(file=self.fd, all_threads=True)
        if dump_signal:
            faulthandler.register(dump_signal, file=self.fd, all_threads=True, chain=False)
        self.is_booting = True
        self._tee(sys.stderr)

    def end(self):
        """The boot is over; nobody need read what was written."""
        if not self.is_booting:
            return
        self.is_booting = False
        # Who put a `write` of their own over ours has ours inside, which passes on from now on.
        if self.stream is not None and vars(self.stream).get("write") is self.copier:
            del self.stream.write
        os.ftruncate(self.fd, 0)

    def fail(self, why):
        """The last word: what goes to the log from now on is there already."""
        self.is_booting = False
        self._add(why)

    def _add(self, text):
        if self.fd < 0:
            return
        with contextlib.suppress(OSError):
            size = os.fstat(self.fd).st_size
            if size > LIMIT:
                last = os.pread(self.fd, LIMIT // 2, size - LIMIT // 2)
                os.ftruncate(self.fd, 0)
                os.write(self.fd, last)
            os.write(self.fd, text.encode("utf-8", "replace"))

    def leave_to_child(self):
        """In a process that the application forked: its stacks are no business of the master's."""
        self.is_booting = False
        if self.fd < 0:
            return
        with contextlib.suppress(OSError):
            try:
                os.dup2(2, self.fd, inheritable=False)
            except OSError:  # descriptor 2 is closed
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self.fd, inheritable=False)
                os.close(null)

    def _tee(self, stream):
        """By an attribute of the stream itself: whoever keeps the stream keeps the right one."""
        try:
            write = stream.write
        except AttributeError:  # None: the process has no standard error
            return

        def copier(text):
            if self.is_booting and isinstance(text, str):
                self._add(text)
            return write(text)

        with contextlib.suppress(AttributeError):  # one that takes no attributes is not heard
            stream.write = copier
            self.stream, self.copier = stream, copier
