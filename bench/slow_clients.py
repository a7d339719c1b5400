"""bench/slow_clients.py - what slow and hostile clients do to a normal one.

2,000 connections send a header byte a second, 200 a body byte a second, 50 never read their 10 MB,
and a normal client measures: kept alive, and with a new connection each. With and without in turns.

Why the hostile process runs in both: it shares the client's core with wrk. Without, it holds the
same connections to a socket of ours that nobody serves, so that what it costs the client is in both
figures, and the difference is what it does to the server.
"""

import argparse
import contextlib
import json
import math
import signal
import socket
import statistics
import subprocess
import sys

from harness import env, proc, single, wrk

MODES = {"kept alive": False, "new connection each": True}
RATIO_MAX = 1.10
SLACK_US = 200.0


@contextlib.contextmanager
def idle_port():
    """A listening port nobody accepts from: the kernel takes the connections and the bytes."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(4096)
        yield sock.getsockname()[1]


@contextlib.contextmanager
def hostile(port, args, core, told):
    command = [env.build_hostile(), port, args.heads, args.bodies, args.deaf]
    process = subprocess.Popen(proc.pinned(core, command), stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline() != "READY\n":
            raise SystemExit("the hostile client did not come up")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()
        if out:
            told.update(json.loads(out.splitlines()[-1]))


def turn(subject, args, close, is_attacked):
    """(the normal client's figures, infinite if nothing was answered; the hostile ones' fate)."""
    told = {}
    with subject.start("app:mixed") as server, idle_port() as nobody:
        url = f"http://127.0.0.1:{server.port}/"
        load = {"core": subject.core_client, "connections": args.connections, "close": close}
        target = server.port if is_attacked else nobody
        with hostile(target, args, subject.core_client, told):
            wrk.load(url, args.settle, **load)
            got = wrk.load(url, args.seconds, **load)
    figures = {"p50_us": math.inf, "p99_us": math.inf, "each_us": math.inf}
    if got["requests"] > 0:
        figures = {"p50_us": got["p50_us"], "p99_us": got["p99_us"]}
        figures["each_us"] = got["seconds"] / got["requests"] * 1e6
    return {**figures, "errors": wrk.errors(got)}, told


def judge(mode, without, with_):
    """Prints the medians of one mode; True when there was no effect."""
    met = True
    print(f"\nnormal client, {mode}")
    for key, name, slack in (
        ("p50_us", "p50", SLACK_US),
        ("p99_us", "p99", SLACK_US),
        ("each_us", "time a request (1/throughput)", 0.0),
    ):
        a = statistics.median(f[key] for f in without)
        b = statistics.median(f[key] for f in with_)
        limit = a * RATIO_MAX + slack
        text = f"{name}: {a:.1f} us without, {b:.1f} us with, target <= {limit:.1f}"
        met &= single.verdict(b <= limit, text)
    before, after = (sum(f["errors"] for f in side) for side in (without, with_))
    text = f"errors: {before} without, {after} with, target none more"
    return single.verdict(after <= before, text) and met


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    single.arguments(p)
    p.add_argument("--heads", type=int, default=2000)
    p.add_argument("--bodies", type=int, default=200)
    p.add_argument("--deaf", type=int, default=50)
    p.add_argument("--connections", type=int, default=8, help="of the normal client")
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--seconds", type=int, default=4)
    p.add_argument("--settle", type=int, default=2, help="seconds under attack before measuring")
    args = p.parse_args()
    proc.raise_descriptor_limit()
    subject = single.Subject(args)
    samples = {mode: {False: [], True: []} for mode in MODES}
    fates = []
    for number in range(args.rounds):
        for mode, close in MODES.items():
            for is_attacked in (False, True) if number % 2 == 0 else (True, False):
                figures, told = turn(subject, args, close, is_attacked)
                samples[mode][is_attacked].append(figures)
                if is_attacked:
                    fates.append(told)
        print(f"round {number + 1}/{args.rounds}", file=sys.stderr, flush=True)
    print(f"{args.server}: {args.heads} heads, {args.bodies} bodies, {args.deaf} that never read")
    print(f"  what became of them, last turn: {json.dumps(fates[-1])}")
    met = True
    for mode in MODES:
        met &= judge(mode, samples[mode][False], samples[mode][True])
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
