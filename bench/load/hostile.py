"""The hostile clients, all in one event-driven process: hostile.py PORT HEADS BODIES DEAF.

  head   sends a request head a byte a second and never ends it
  body   sends a head at once, then of its 1 MB body a byte a second
  deaf   asks for 10 MB and never reads

Whoever is closed comes back a second later. The bytes are spread evenly over the second. Prints
READY when every client was connected once, and on SIGTERM one line of JSON: what became of them.
"""

import collections
import errno
import json
import select
import signal
import socket
import sys
import time

SLOTS = 100
READY_TIMEOUT = 15.0
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
DEAF = b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n"
LOST = select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP


class Client:
    def __init__(self, kind):
        self.kind = kind
        self.sock = None
        self.connected = False
        self.ever = False
        self.at = 0
        self.retry_at = 0.0


class Hostile:
    def __init__(self, port, counts):
        self.port = port
        self.epoll = select.epoll()
        self.clients = [Client(kind) for kind, n in counts.items() for _ in range(n)]
        self.by_fd = {}
        self.tally = collections.Counter()
        self.stopped = False
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_):
        self.stopped = True

    def open(self, client):
        sock = client.sock = socket.socket()
        sock.setblocking(False)
        client.at = 0
        if client.kind == "deaf":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        rc = sock.connect_ex(("127.0.0.1", self.port))
        if rc not in (0, errno.EINPROGRESS):
            self.tally["refused"] += 1
            self.lose(client)
            return
        self.by_fd[sock.fileno()] = client
        self.epoll.register(sock.fileno(), select.EPOLLOUT | LOST)

    def lose(self, client):
        self.by_fd.pop(client.sock.fileno(), None)
        client.sock.close()
        client.sock = None
        if client.connected:
            self.tally[f"{client.kind} closed"] += 1
        client.connected = False
        client.retry_at = time.monotonic() + 1.0

    def on_connected(self, client):
        client.connected = client.ever = True
        self.tally["connected"] += 1
        reads = 0 if client.kind == "deaf" else select.EPOLLIN
        self.epoll.modify(client.sock.fileno(), reads | LOST)
        if client.kind == "body":
            client.sock.send(BODY)
        elif client.kind == "deaf":
            client.sock.send(DEAF)

    def on_event(self, client, events):
        try:
            if events & select.EPOLLIN and client.sock.recv(65536):
                self.tally[f"{client.kind} answered"] += 1
            elif events & (LOST | select.EPOLLIN):
                self.lose(client)
            elif events & select.EPOLLOUT:
                self.on_connected(client)
        except BlockingIOError:
            pass
        except OSError:
            self.lose(client)

    def act(self, client):
        """This client's turn in the second."""
        if client.sock is None:
            if time.monotonic() >= client.retry_at:
                self.open(client)
            return
        if not client.connected or client.kind == "deaf":
            return
        byte = b"a"
        if client.kind == "head" and client.at < len(HEAD):
            byte = HEAD[client.at : client.at + 1]
            client.at += 1
        try:
            client.sock.send(byte)
        except BlockingIOError:
            pass
        except OSError:
            self.lose(client)

    def run(self):
        begun = due = time.monotonic()
        slot, is_ready = 0, False
        while not self.stopped:
            wait = max(0.0, due - time.monotonic())
            for fd, events in self.epoll.poll(wait, 256):
                if fd in self.by_fd:
                    self.on_event(self.by_fd[fd], events)
            now = time.monotonic()
            if now < due:
                continue
            for client in self.clients[slot::SLOTS]:
                self.act(client)
            slot = (slot + 1) % SLOTS
            due = max(due + 1 / SLOTS, now - 1.0)
            if not is_ready and (now - begun > READY_TIMEOUT or all(c.ever for c in self.clients)):
                is_ready = True
                print("READY", flush=True)
        self.tally["open at the end"] = sum(c.connected for c in self.clients)
        print(json.dumps(self.tally), flush=True)


def main():
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, heads, bodies, deaf = map(int, sys.argv[1:])
    Hostile(port, {"head": heads, "body": bodies, "deaf": deaf}).run()


if __name__ == "__main__":
    main()
