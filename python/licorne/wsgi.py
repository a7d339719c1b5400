"""What an environ holds that is plain Python: file wrapper, error stream, the socket's facade.

The C engine makes one Errors and one Connection per worker and puts them into every environ; a
Connection that an application kept is replaced by a new one after its request.
"""

import sys


class FileWrapper:
    """wsgi.file_wrapper (PEP 3333). Over a real file the engine sends it by sendfile."""

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __getitem__(self, key):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise IndexError

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration


class Errors:
    """wsgi.errors: to stderr and to the error log where that is a file of its own, at once."""

    encoding = "utf-8"

    def __init__(self):
        from licorne import glogging

        self._streams = glogging.error_streams

    def write(self, text):
        seen = {id(sys.stderr)}
        sys.stderr.write(text)
        sys.stderr.flush()
        for stream in self._streams():
            if id(stream) not in seen:
                seen.add(id(stream))
                stream.write(text)
                stream.flush()
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        sys.stderr.flush()

    def writable(self):
        return True

    def isatty(self):
        return sys.stderr.isatty()


class Connection:
    """gunicorn.socket: costs nothing until an attribute of it is used, then it is a real socket."""

    __slots__ = ("__weakref__", "_early", "_lend", "_socket")

    def __init__(self, lend, early):
        self._lend = lend
        self._early = early
        self._socket = None

    def _open(self):
        if self._socket is None:
            from licorne.hijack import Socket

            self._socket = Socket(fileno=self._lend(), early=self._early)
        return self._socket

    def _end(self):
        """The request is over: what the application did not detach or duplicate is closed."""
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()

    def __getattr__(self, name):
        return getattr(self._open(), name)

    def __enter__(self):
        return self._open().__enter__()

    def __exit__(self, *exc):
        return self._open().__exit__(*exc)

    def __repr__(self):
        return repr(self._socket) if self._socket is not None else "<gunicorn.socket, unopened>"
