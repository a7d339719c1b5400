"""bench/memory.py - what a server holds: at rest, for each idle connection, and after a long day.

Three measurements, each with its target:
  pair    PSS of master and one worker over that of a bare interpreter that forked once
  idle    memory of the worker for each of 10,000 connections that asked once and stay open
  flat    anonymous memory of the tree while requests, then new connections, go by
"""

import argparse
import contextlib
import os
import select
import socket
import statistics
import sys
import time

from harness import observer, proc, single, wrk

PAIR = "import os, signal; os.fork(); signal.pause()"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHECKPOINTS = 10


def ask(sock):
    sock.sendall(REQUEST)
    data = b""
    while b"Hello, World!" not in data:
        more = sock.recv(65536)
        if not more:
            raise SystemExit(f"connection closed after {data!r}")
        data += more


def settled(read, tolerance_kb=8, timeout=10):
    """A figure once it has stopped moving: three readings in a row alike."""
    end = time.monotonic() + timeout
    last = [read()]
    while time.monotonic() < end:
        time.sleep(0.2)
        last = [*last[-2:], read()]
        if len(last) == 3 and max(last) - min(last) <= tolerance_kb:
            break
    return last[-1]


def pair_kb(subject):
    """PSS of a bare interpreter pair, started and pinned as servers are."""
    import subprocess

    from harness import env

    argv = proc.pinned(subject.core_server, [subject.python, "-c", PAIR])
    process = subprocess.Popen(argv, env=env.server_environment(), start_new_session=True)
    try:
        while len(proc.tree(process.pid)) < 2:
            time.sleep(0.01)
        return settled(lambda: proc.memory_kb(proc.tree(process.pid)))
    finally:
        for pid in proc.tree(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        process.wait()


def measure_pair(subject, args):
    bare, full = [], []
    for _ in range(3):
        bare.append(pair_kb(subject))
        with subject.start("app:hello") as server:
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                ask(sock)
            full.append(settled(lambda: proc.memory_kb(server.pids)))
            count = len(server.pids)
            others = observer.others(subject.python, server.pids)
    bare_kb, full_kb = statistics.median(bare), statistics.median(full)
    if others:
        print(f"  note: {others} other processes run the same binary; PSS comes out smaller")
    over = (full_kb - bare_kb) / 1024
    text = f"{over:.2f} MB over a bare pair ({full_kb} kB in {count} processes, {bare_kb} kB bare)"
    return single.verdict(over <= args.pair_mb, f"{text}, target <= {args.pair_mb:g} MB")


def still_open(socks):
    poll = select.poll()
    for sock in socks:
        poll.register(sock, select.POLLIN | select.POLLRDHUP)
    return len(socks) - len(poll.poll(0))


def connect(port, count):
    socks = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port))
        ask(sock)
        socks.append(sock)
    return socks


def measure_idle(subject, args):
    limit = proc.raise_descriptor_limit()
    if limit < args.connections + 200:
        raise SystemExit(f"{args.connections} connections need more descriptors than {limit}")
    room = str(args.connections + 1000)
    flags = ("--worker-connections", room, "--keep-alive", "75")
    with subject.start("app:hello", *flags) as server, contextlib.ExitStack() as stack:
        for sock in connect(server.port, 100):
            stack.callback(sock.close)
        worker = server.busiest()
        fields = ("Pss", "Rss", "Anonymous")
        before = {f: settled(lambda f=f: proc.memory_kb([worker], f)) for f in fields}
        socks = connect(server.port, args.connections)
        for sock in socks:
            stack.callback(sock.close)
        after = {f: settled(lambda f=f: proc.memory_kb([worker], f)) for f in fields}
        alive = still_open(socks)
    each = {f: (after[f] - before[f]) * 1024 / args.connections for f in fields}
    # RSS is judged: PSS also moves when other processes come to share a page, or cease to.
    text = f"{each['Rss']:.0f} bytes of RSS for each idle connection"
    text += f" (PSS {each['Pss']:.0f}, anonymous {each['Anonymous']:.0f})"
    met = single.verdict(each["Rss"] <= args.idle_bytes, f"{text}, target <= {args.idle_bytes}")
    text = f"{alive} of {args.connections} connections still open"
    return single.verdict(alive == args.connections, text) and met


def watch(server, core, total, close):
    """Loads until `total` requests went by; returns anonymous kB at ten checkpoints."""
    url = f"http://127.0.0.1:{server.port}/"
    seen, errors, points = 0, 0, []
    while seen < total:
        got = wrk.load(url, 1, core, close=close)
        if got["requests"] == 0:
            raise SystemExit("no request was answered")
        seen += got["requests"]
        errors += wrk.errors(got)
        if seen * CHECKPOINTS >= total * (len(points) + 1):
            points.append(proc.memory_kb(server.pids, "Anonymous"))
            what = "connections" if close else "requests"
            print(f"    {seen:>9} {what}: {points[-1]} kB")
    return points, errors


def measure_flat(subject, args):
    met = True
    with subject.start("app:hello") as server:
        for total, close in ((args.requests, False), (args.new_connections, True)):
            points, errors = watch(server, subject.core_client, total, close)
            growth = points[-1] - points[0]
            what = "connections" if close else "requests"
            text = f"{growth:+d} kB from the first checkpoint to the last, {total} {what}"
            met &= single.verdict(growth <= args.flat_kb, f"{text}, target <= {args.flat_kb}")
            met &= single.verdict(errors == 0, f"{errors} errors, target 0")
    return met


PARTS = {"pair": measure_pair, "idle": measure_idle, "flat": measure_flat}


def main():
    observer.leave_binary()
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    single.arguments(p)
    p.add_argument("--parts", default="pair,idle,flat", help="of pair,idle,flat")
    p.add_argument("--pair-mb", type=float, default=5.0)
    p.add_argument("--connections", type=int, default=10_000)
    p.add_argument("--idle-bytes", type=int, default=1024)
    p.add_argument("--requests", type=int, default=1_000_000)
    p.add_argument("--new-connections", type=int, default=200_000)
    p.add_argument("--flat-kb", type=int, default=256, help="growth that still counts as flat")
    args = p.parse_args()
    parts = args.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        p.error(f"--parts: no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    subject = single.Subject(args)
    met = True
    for part in parts:
        print(f"{args.server}: {part}", flush=True)
        met &= PARTS[part](subject, args)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
