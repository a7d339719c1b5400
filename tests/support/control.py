"""Speaks to a control socket, by its bytes and by the two commands."""

import json
import socket
import subprocess
import sys

from support.clock import deadline
from support.server import environment


class Asker:
    """One connection, with the framed protocol as gunicornc speaks it."""

    def __init__(self, path, seconds=10):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(deadline(seconds))
        self.sock.connect(str(path))

    def send(self, message):
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.sock.sendall(len(data).to_bytes(4, "big") + data)
        return self

    def read(self):
        """-> the reply, or None at the end"""
        head = self._take(4)
        return head and json.loads(self._take(int.from_bytes(head, "big")))

    def _take(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                assert not data
                return None
            data += part
        return data

    def ask(self, command):
        """-> data"""
        reply = self.send({"id": 1, "command": command, "args": []}).read()
        assert reply["status"] == "ok", reply
        return reply["data"]

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def ask(path, command):
    with Asker(path) as asker:
        return asker.ask(command)


def run(command, env=None, stdin=""):
    """-> CompletedProcess with text"""
    return subprocess.run(
        [str(word) for word in command],
        env=environment(extra=env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=deadline(20),
    )


def licornectl(*words, env=None, stdin=""):
    return run([sys.executable, "-m", "licorne.ctl.cli", *words], env, stdin)
