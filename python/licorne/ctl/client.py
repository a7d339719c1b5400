"""Asks a server through its control socket. The protocol is in src/ctl/proto.h."""

import json
import socket

HEAD = 4
REPLY_MAX = 16 << 20
TIMEOUT = 30


class ControlError(Exception):
    """What went wrong, for the user."""


class NoServer(ControlError):
    """Nobody answers at this path."""


class Client:
    def __init__(self, path, timeout=TIMEOUT):
        self.path = path
        self.count = 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(path)
        except OSError as error:
            self.sock.close()
            raise NoServer(f"No server answers at {path}: {_words(error)}") from None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def ask(self, command):
        """-> what the server says. Raises ControlError with its words, or with ours."""
        self.count += 1
        request = json.dumps({"id": self.count, "command": command, "args": []}).encode()
        try:
            self.sock.sendall(len(request).to_bytes(HEAD, "big") + request)
            reply = self._read(self._length())
        except OSError as error:
            raise ControlError(f"The server at {self.path} left: {_words(error)}") from None
        try:
            reply = json.loads(reply)
        except ValueError:
            raise ControlError(f"What answers at {self.path} is no such server") from None
        if reply.get("status") != "ok":
            raise ControlError(reply.get("error") or "The server does not say why")
        return reply.get("data")

    def _length(self):
        length = int.from_bytes(self._read(HEAD), "big")
        if length > REPLY_MAX:
            raise ControlError(f"What answers at {self.path} is no such server")
        return length

    def _read(self, size):
        parts = []
        while size:
            part = self.sock.recv(min(size, 65536))
            if not part:
                raise ConnectionError("connection closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _words(error):
    return error.strerror or str(error) or type(error).__name__
