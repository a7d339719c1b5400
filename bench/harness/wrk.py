"""The client: one wrk on a core of its own, and one look by hand that the answer is right."""

import json
import socket
import subprocess

from . import env, proc


class LoadError(Exception):
    """A load that could not be run, or an answer that is not the one asked for."""


def load(url, seconds, core, script="report.lua", connections=32, close=False, timeout=10):
    """Runs wrk and returns what report.lua tells."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={timeout}s"]
    argv += ["-s", str(env.LOAD / script)]
    if close:
        argv += ["-H", "Connection: close"]
    run = subprocess.run(proc.pinned(core, [*argv, url]), capture_output=True, text=True)
    for line in run.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    raise LoadError(f"wrk: {(run.stderr or run.stdout).strip()[-200:]}")


def errors(result):
    return sum(result[k] for k in ("connect", "read", "write", "timeout", "status"))


def _read_answer(sock, data=b""):
    """One answer with a Content-Length or in chunks: (head, length of the body)."""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise LoadError(f"closed in the head, after {len(data)} bytes")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lower = head.lower()
    if b"content-length:" in lower:
        want = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < want and (more := sock.recv(1 << 20)):
            body += more
        return head, len(body)
    while not body.endswith(b"0\r\n\r\n") and (more := sock.recv(1 << 20)):
        body += more
    return head, len(body)


def _is_closed(sock):
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def check_answer(port, request, body_len, close):
    """Asks once or twice by hand; returns a note ("" when all is as asked) or raises LoadError."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.settimeout(5)
        sock.sendall(request)
        head, got = _read_answer(sock)
        if b" 200 " not in head.split(b"\r\n")[0] + b" ":
            raise LoadError(f"answered {head.split(chr(13).encode())[0].decode('latin-1')}")
        if body_len and got < body_len:
            raise LoadError(f"body of {got} bytes, not {body_len}")
        sock.settimeout(2)
        if close:
            if not _is_closed(sock):
                raise LoadError("does not close when asked to")
            return ""
        try:
            sock.sendall(request)
            _read_answer(sock)
        except (LoadError, OSError):
            return "closes after each answer"
        return ""
