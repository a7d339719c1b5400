"""The socket that an application gets when it uses `gunicorn.socket`."""

import socket


class Socket(socket.socket):
    """A socket whose first bytes may have been read by the server: recv gives those first.

    `early` is asked once, at the first recv: an application that only looks at the socket leaves
    pipelined requests to the server.
    """

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None, early=None):
        super().__init__(family, type, proto, fileno)
        self._ask = early
        self._early = b""

    def _take(self, size, flags):
        if self._ask is not None:
            self._early, self._ask = self._ask(), None
        data = self._early[:size]
        if not flags & socket.MSG_PEEK:
            self._early = self._early[len(data) :]
        return data

    def recv(self, size, flags=0):
        return self._take(size, flags) or super().recv(size, flags)

    def recv_into(self, buffer, size=0, flags=0):
        view = memoryview(buffer).cast("B")
        data = self._take(size or len(view), flags)
        if not data:
            return super().recv_into(buffer, size, flags)
        view[: len(data)] = data
        return len(data)
