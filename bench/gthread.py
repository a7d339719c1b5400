"""bench/gthread.py - what application threads cost, and what stuck ones do to the others.

  hello      CPU a request: one thread (sync), four (gthread), four with calls never inline
waiting    three of four threads in calls of 10 s that wait without the GIL: p99 of 1 ms requests
computing  three of four in calls that compute: the same, beside Gunicorn's gthread in turns
"""

import argparse
import contextlib
import socket
import statistics
import sys
import time

from harness import env, proc, servers, wrk
from harness.cases import CASES

HELLO_MAX = 1.25
WAITING_P99_MAX_US = 5000.0
COMPUTING_MAX = 1.03  # of Gunicorn's p99
THREADS = ("-k", "gthread", "--threads", "4")


@contextlib.contextmanager
def started(argv, port):
    env.BUILD.mkdir(exist_ok=True)
    log = env.BUILD / "gthread.log"
    with proc.Server(
        argv, port, proc.cores()[0], env.server_environment(), env.BUILD, log
    ) as server:
        yield server


def cost(argv, port, seconds):
    """CPU microseconds a request."""
    url = f"http://127.0.0.1:{port}/"
    load = {"core": proc.cores()[1], "connections": 32}
    with started(argv, port) as server:
        wrk.load(url, 1, **load)
        before = proc.cpu_seconds(server.pids)
        got = wrk.load(url, seconds, **load)
        used = proc.cpu_seconds(server.pids) - before
    return used / got["requests"] * 1e6


def hello(args, python):
    floor = env.build_floor()
    forms = {"sync": (), "gthread, 4 threads": THREADS, "the same, --no-inline": ()}
    forms["the same, --no-inline"] = (*THREADS, "--no-inline")
    ratios = {name: [] for name in forms}
    for _ in range(args.rounds):
        port = proc.free_port()
        base = cost(servers.floor_argv(floor, port), port, args.seconds)
        for name, flags in forms.items():
            port = proc.free_port()
            argv = servers.licorne_argv(python, CASES["hello"].wsgi, port, *flags)
            ratios[name].append(cost(argv, port, args.seconds) / base)
    print("hello, CPU a request over the floor's")
    for name, found in ratios.items():
        print(f"       {name:<24}{statistics.median(found):6.2f}")
    got = statistics.median(ratios["gthread, 4 threads"])
    return verdict(got <= HELLO_MAX, f"gthread: {got:.2f}, target <= {HELLO_MAX}")


def verdict(met, text):
    print(f"  {'ok  ' if met else 'MISS'} {text}")
    return met


@contextlib.contextmanager
def held(port, path, n):
    """n clients inside calls that outlive the measurement."""
    socks = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(n)]
    for sock in socks:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        yield
    finally:
        for sock in socks:
            sock.close()


def wait_until_held(port, n):
    """Asks the application how many of its calls are held."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"GET /held HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            data = b""
            while more := sock.recv(65536):
                data += more
        if data.endswith(b"\r\n\r\n%d" % n):
            return
        time.sleep(0.05)
    raise SystemExit(f"the application did not come to hold {n} calls")


def tail(argv, port, path, seconds):
    """(p50, p99) in us of 1 ms requests, one after another, while three calls are held."""
    with started(argv, port), held(port, path, 3):
        wait_until_held(port, 3)
        got = wrk.load(
            f"http://127.0.0.1:{port}/short", seconds, core=proc.cores()[1], connections=1
        )
    if wrk.errors(got) or not got["requests"]:
        raise SystemExit(f"{wrk.errors(got)} errors, {got['requests']} requests")
    return got["p50_us"], got["p99_us"]


def waiting(args, python):
    found = []
    for _ in range(args.rounds):
        port = proc.free_port()
        argv = servers.licorne_argv(python, "stuck:app", port, *THREADS)
        found.append(tail(argv, port, "/wait", min(8, args.seconds * 2)))
    p50, p99 = (statistics.median(figures) for figures in zip(*found, strict=True))
    print("three of four threads wait for 10 s, without the GIL")
    text = f"p99 of 1 ms requests: {p99:.0f} us (p50 {p50:.0f}), target <= {WAITING_P99_MAX_US:.0f}"
    return verdict(p99 <= WAITING_P99_MAX_US, text)


def computing(args, python):
    missing = env.make_peers(python)
    gunicorn = next(p for p in servers.PEERS if p.name == "gunicorn-gthread")
    if why := gunicorn.missing(missing):
        raise SystemExit(f"gunicorn cannot be measured: {why}")
    found = {"licorne": [], "gunicorn": []}
    for _ in range(args.rounds):
        for name in found:
            port = proc.free_port()
            argv = servers.licorne_argv(python, "stuck:app", port, *THREADS)
            if name == "gunicorn":
                argv = [*gunicorn.argv("stuck:app", port)]
                argv[-1:-1] = ["--chdir", env.APPS]
            found[name].append(tail(argv, port, "/compute", min(8, args.seconds * 2)))
    print("three of four threads compute")
    medians = {}
    for name, figures in found.items():
        medians[name] = [statistics.median(f) for f in zip(*figures, strict=True)]
        p50, p99 = medians[name]
        print(f"       {name:<10} p50 {p50:8.0f} us   p99 {p99:8.0f} us")
    ratio = medians["licorne"][1] / medians["gunicorn"][1]
    text = f"p99 {ratio:.2f} x Gunicorn's, target no worse (<= {COMPUTING_MAX})"
    return verdict(ratio <= COMPUTING_MAX, text)


PARTS = {"hello": hello, "waiting": waiting, "computing": computing}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--parts", default=",".join(PARTS))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=3)
    p.add_argument("--licorne", metavar="PATH", help="an interpreter that has licorne")
    args = p.parse_args()
    python, why_not = env.licorne_python(args.licorne)
    if python is None:
        raise SystemExit(f"licorne cannot be measured: {why_not}")
    proc.raise_descriptor_limit()
    met = True
    for name in args.parts.split(","):
        met &= PARTS[name](args, python)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
