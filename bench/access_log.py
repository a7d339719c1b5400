"""bench/access_log.py - what the access log costs a request: CPU time with it and without.

Both servers are up all the time, on one core, and take turns under the same load; what is told is
the median of the turns' differences: a machine that others use is never equally fast twice.
With valgrind, instructions a request are counted as well, which repeat to a few: callgrind on the
same server, over two runs that differ by a number of requests.
"""

import argparse
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from harness import env, proc, single, wrk

COLLECTED = re.compile(r"^==(\d+)== Collected : (\d+)$", re.M)
REQUEST = (
    b"GET /some/path?with=a&query HTTP/1.1\r\nHost: localhost\r\nReferer: http://localhost/\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0\r\n\r\n"
)


def cpu_us(server, args, core):
    """CPU microseconds a request of the whole server, under one load."""
    before = proc.cpu_seconds(server.pids)
    url = f"http://127.0.0.1:{server.port}/"
    got = wrk.load(url, args.seconds, core=core, connections=args.connections)
    if wrk.errors(got):
        raise SystemExit(f"{wrk.errors(got)} errors under load")
    return (proc.cpu_seconds(server.pids) - before) * 1e6 / got["requests"]


def ask(port, n):
    """n requests over one connection, each after the answer to the one before."""
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.settimeout(60)
        for _ in range(n):
            sock.sendall(REQUEST)
            answer = sock.recv(65536)
            while not answer.endswith(b"Hello, World!"):
                answer += sock.recv(65536)


def instructions(subject, flags, n):
    """What the worker executed from its start to its end, with n requests in between."""
    port = proc.free_port()
    argv = subject.peer.argv("app:hello", port)
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    with tempfile.TemporaryDirectory(prefix="bench-") as temp:
        log = pathlib.Path(temp) / "valgrind"
        words = [*valgrind, f"--log-file={log}", *argv[:-1], *flags, argv[-1]]
        command = [str(word) for word in words]
        with open(pathlib.Path(temp) / "server", "wb") as said:
            environment = env.server_environment() | {"PYTHONHASHSEED": "0"}
            server = subprocess.Popen(
                command, cwd=env.BUILD, env=environment, stdout=said, stderr=said
            )
            try:
                for _ in range(600):
                    try:
                        ask(port, 1)
                        break
                    except OSError:
                        time.sleep(0.1)
                ask(port, n)
            finally:
                server.terminate()
                server.wait(60)
        found = {int(pid): int(count) for pid, count in COLLECTED.findall(log.read_text())}
    workers = [count for pid, count in found.items() if pid != server.pid]
    return max(workers, default=0)


def counted(subject, flags, requests):
    few = instructions(subject, flags, 200)
    many = instructions(subject, flags, 200 + requests)
    return (many - few) / requests


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    single.arguments(p)
    p.add_argument("--connections", type=int, default=32)
    p.add_argument("--seconds", type=int, default=1)
    p.add_argument("--turns", type=int, default=20)
    p.add_argument("--requests", type=int, default=2000, help="counted by callgrind")
    p.add_argument("--max", type=float, default=0.7, help="microseconds a request allowed")
    p.add_argument("--only", choices=["time", "count"], help="one of the two measurements")
    args = p.parse_args()
    subject = single.Subject(args)
    if not subject.speaks_gunicorn:
        raise SystemExit(f"{subject.name} has no --access-logfile")
    met = True
    with tempfile.TemporaryDirectory(prefix="bench-log-") as temp:
        on = ["--access-logfile", f"{temp}/access.log"]
        if args.only != "count":
            met = time_it(subject, args, on)
        if args.only != "time" and shutil.which("valgrind") and subject.name == "licorne":
            without = counted(subject, [], args.requests)
            with_log = counted(subject, on, args.requests)
            print(f"  instructions a request: {without:.0f} without, {with_log:.0f} with the log")
            print(f"  the log: {with_log - without:.0f} instructions, its write(2) not counted")
    return 0 if met else 1


def time_it(subject, args, on):
    rows = []
    with subject.start("app:hello") as off, subject.start("app:hello", *on) as logging:
        for turn in range(-1, args.turns):  # the first warms up
            pair = {}
            for server in (off, logging) if turn % 2 else (logging, off):
                pair[server] = cpu_us(server, args, subject.core_client)
            if turn >= 0:
                rows.append((pair[off], pair[logging]))
    for without, with_log in rows:
        print(f"  {without:.3f} us without, {with_log:.3f} us with the log")
    costs = sorted(with_log - without for without, with_log in rows)
    cost, least = statistics.median(costs), min(w for _, w in rows) - min(o for o, _ in rows)
    print(f"  between the cheapest turns of each: {least:.3f} us")
    spread = f"{costs[len(costs) // 4]:.3f} to {costs[-len(costs) // 4 - 1]:.3f} in half the turns"
    return single.verdict(
        cost <= args.max, f"the log costs {cost:.3f} us a request ({spread}), target <= {args.max}"
    )


if __name__ == "__main__":
    sys.exit(main())
