"""Real nginx and real HAProxy in front of a server under test.

Both stamp every request they forward with an identity of their own (X-Proxy-Id, whatever the
client sent under that name) and log it: a call of the application without a stamp, or with one
that was seen before, is a request that only the server saw.

    with Nginx(server.address) as proxy:
        Client(proxy.address) ...
        proxy.forwarded()   # {stamp: Forwarded}

They run in the foreground, on a free port of 127.0.0.1, out of a temporary directory, and end by
their pid.  An incomplete request is given up after IDLE_MS, so that hostile input costs no time.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

import pytest

from support.clock import deadline, time_factor, wait_until
from support.server import connect, free_port

IDLE_MS = 300
SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")


@dataclass(frozen=True)
class Forwarded:
    stamp: str
    method: str
    target: str | None  # None where the log does not have it verbatim
    status: int  # what the client was answered
    is_answered: bool  # the server gave an answer


def program(name, package):
    """The path of a proxy, installed with apt-get when it is missing and we may."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SBIN])
    found = shutil.which(name, path=path)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(package)
        found = shutil.which(name, path=path)
    if not found:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return found


def _install(package):
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"env": env, "check": False, "capture_output": True}
    subprocess.run(["apt-get", "update", "-q"], **quiet)
    subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", package], **quiet)


class Proxy:
    """One running proxy; the subclasses say how it is configured and how its log reads."""

    name = package = "proxy"

    def __init__(self, upstream, idle_ms=IDLE_MS):
        self.upstream = upstream  # (host, port) or the path of a socket
        self.idle_ms = int(idle_ms * time_factor())
        self.server_ms = 10 * self.idle_ms
        self.program = program(self.name, self.package)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"licorne-{self.name}-"))
        self.address = ("127.0.0.1", free_port())
        self.process = None
        self.records = {}
        self.offset = 0

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        config = self.dir / "config"
        config.write_text(self.config())
        with open(self.dir / "out", "wb") as out, open(self.dir / "err", "wb") as err:
            self.process = subprocess.Popen(
                self.command(config), stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.dir
            )
        try:
            wait_until(self._is_listening, 20, f"{self.name} listening", 0.02)
        except BaseException:
            self.stop()
            raise
        return self

    def _is_listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} exited: {self.errors()}\n{self.config()}")
        try:
            connect(self.address, deadline(5)).close()
        except OSError:
            return False
        return True

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(deadline(10))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def errors(self):
        return (self.dir / "err").read_text(errors="replace")

    def forwarded(self):
        """What it has passed on so far, as far as it has logged it: stamp -> Forwarded."""
        with open(self.log_path(), "rb") as f:
            f.seek(self.offset)
            data = f.read()
        data = data[: data.rfind(b"\n") + 1]
        self.offset += len(data)
        for line in data.splitlines():
            found = self.record(line.decode("latin-1"))
            if found:
                self.records[found.stamp] = found
        return self.records

    def config(self):
        raise NotImplementedError

    def command(self, config):
        raise NotImplementedError

    def log_path(self):
        raise NotImplementedError

    def record(self, line):
        raise NotImplementedError


class Nginx(Proxy):
    """As lax as nginx can be made: odd names pass, slashes stay, bodies stream if asked to."""

    name = package = "nginx"

    def __init__(self, upstream, is_buffering=True, **kw):
        super().__init__(upstream, **kw)
        self.is_buffering = is_buffering

    def config(self):
        up = self.upstream if isinstance(self.upstream, tuple) else None
        place = f"{up[0]}:{up[1]}" if up else f"unix:{self.upstream}"
        entry = json.dumps(
            {
                "stamp": "$request_id",
                "line": "$request",
                "method": "$request_method",
                "target": "$request_uri",
                "status": "$status",
                "upstream": "$upstream_addr",
                "answered": "$upstream_status",
            }
        )
        folders = "".join(
            f"    {kind}_temp_path {self.dir}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        buffering = "on" if self.is_buffering else "off"
        return f"""
daemon off;
master_process off;
pid {self.dir}/pid;
error_log stderr error;
events {{ worker_connections 512; }}
http {{
{folders}
    log_format stamped escape=json '{entry}';
    access_log {self.dir}/access stamped;
    underscores_in_headers on;
    ignore_invalid_headers off;
    merge_slashes off;
    client_max_body_size 0;
    client_header_timeout {self.idle_ms}ms;
    client_body_timeout {self.idle_ms}ms;
    keepalive_timeout {3 * self.idle_ms}ms;
    lingering_timeout {self.idle_ms}ms;
    upstream app {{
        server {place};
        keepalive 4;
    }}
    server {{
        listen {self.address[0]}:{self.address[1]};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Proxy-Id $request_id;
            proxy_request_buffering {buffering};
            proxy_buffering {buffering};
            proxy_next_upstream off;
            proxy_read_timeout {self.server_ms}ms;
        }}
    }}
}}
"""

    def command(self, config):
        return [self.program, "-p", str(self.dir), "-c", str(config), "-e", "stderr"]

    def log_path(self):
        return self.dir / "access"

    def record(self, line):
        entry = json.loads(line)
        if entry["upstream"] in ("", "-"):
            return None
        answered = entry["answered"]
        return Forwarded(
            entry["stamp"],
            entry["method"],
            entry["target"],
            int(entry["status"]),
            answered.isdigit() and answered != "502",
        )


class Haproxy(Proxy):
    """With is_lax it passes on what it would refuse, as operators set it up for odd clients."""

    name = package = "haproxy"

    def __init__(self, upstream, is_lax=False, **kw):
        super().__init__(upstream, **kw)
        self.is_lax = is_lax

    def config(self):
        up = self.upstream if isinstance(self.upstream, tuple) else None
        place = f"{up[0]}:{up[1]}" if up else f"unix@{self.upstream}"
        lax = "option accept-invalid-http-request" if self.is_lax else ""
        return f"""
global
    log stdout format raw local0
    maxconn 512
    nbthread 1
defaults
    mode http
    log global
    retries 0
    timeout connect 5s
    timeout client {self.idle_ms}ms
    timeout http-request {self.idle_ms}ms
    timeout http-keep-alive {3 * self.idle_ms}ms
    timeout server {self.server_ms}ms
    option http-keep-alive
    http-reuse always
frontend front
    bind {self.address[0]}:{self.address[1]}
    unique-id-format %[uuid]
    http-request set-header X-Proxy-Id %[unique-id]
    log-format "%ID %s %ST %HM %HU"
    {lax}
    default_backend back
backend back
    {"option accept-invalid-http-response" if self.is_lax else ""}
    server app {place}
"""

    def command(self, config):
        return [self.program, "-db", "-f", str(config)]

    def log_path(self):
        return self.dir / "out"

    def record(self, line):
        stamp, server, status, method, target = line.split(" ", 4)
        if server == "<NOSRV>" or not status.isdigit():
            return None
        # The log cuts long targets, and writes odd characters as "#" and two digits.
        whole = None if len(target) > 900 or "#" in target else target
        return Forwarded(stamp, method, whole, int(status), status == "200")
