"""bench/slow_clients.py - what slow and hostile clients do to a normal one.

2,000 connections send a header byte a second, 200 a body byte a second, 50 never read their 10 MB,
and a normal client measures: kept alive, and with a new connection each. With and without in turns.

Why the hostile process runs in both: it shares the client's core with wrk, which it keeps busy.
Without, it holds the same connections to sockets of ours that nobody serves, and closes and opens
as many a second as the server made it last time, so that what it costs the client is in both
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
import time

from harness import env, proc, single, wrk

MODES = {"kept alive": False, "new connection each": True}
RATIO_MAX = 1.10
SLACK_US = 200.0
IDLE_PORTS = 8


@contextlib.contextmanager
def idle_ports():
    """Ports nobody accepts from: the kernel takes connections, 4,096 each, and their bytes."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(IDLE_PORTS)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
            sock.listen(4096)
        yield [sock.getsockname()[1] for sock in socks]


@contextlib.contextmanager
def hostile(ports, churn, args, core, told):
    command = [env.build_hostile(), ports[0], args.heads, args.bodies, args.deaf]
    command += [churn, *ports[1:]] if churn else []
    process = subprocess.Popen(proc.pinned(core, command), stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline() != "READY\n":
            raise SystemExit("the hostile client did not come up")
        begun = time.monotonic()
        yield
    finally:
        told["seconds"] = time.monotonic() - begun
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()
        if out:
            told.update(json.loads(out.splitlines()[-1]))


def turn(subject, args, close, is_attacked, churn):
    """(the normal client's figures, infinite if nothing was answered; the hostile ones' fate)."""
    told = {}
    with subject.start("app:mixed") as server, idle_ports() as nobody:
        url = f"http://127.0.0.1:{server.port}/"
        load = {"core": subject.core_client, "connections": args.connections, "close": close}
        ports = [server.port] if is_attacked else nobody
        with hostile(ports, 0 if is_attacked else churn, args, subject.core_client, told):
            wrk.load(url, args.settle, **load)
            got = wrk.load(url, args.seconds, **load)
    figures = {"p50_us": math.inf, "p99_us": math.inf, "each_us": math.inf}
    if got["requests"] > 0:
        figures = {"p50_us": got["p50_us"], "p99_us": got["p99_us"]}
        figures["each_us"] = got["seconds"] / got["requests"] * 1e6
    return {**figures, "errors": wrk.errors(got)}, told


def churn_of(told):
    """How many a second the server closed."""
    closed = sum(n for key, n in told.items() if key.endswith(" closed"))
    return round(closed / told["seconds"])


def measured_churn(subject, args):
    told = {}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(subject.start("app:mixed"))
        stack.enter_context(hostile([server.port], 0, args, subject.core_client, told))
        time.sleep(args.settle)
    return churn_of(told)


def judge(mode, without, with_):
    """Prints the medians of one mode; True when there was no effect.

    Turns of one round are compared, and the median of that is judged: the machine drifts.
    """
    met = True
    print(f"\nnormal client, {mode}")
    for key, name, slack in (
        ("p50_us", "p50", SLACK_US),
        ("p99_us", "p99", SLACK_US),
        ("each_us", "time a request (1/throughput)", 0.0),
    ):
        a, b = (statistics.median(f[key] for f in side) for side in (without, with_))
        over = statistics.median(
            w[key] - f[key] * RATIO_MAX for f, w in zip(without, with_, strict=True)
        )
        text = f"{name}: {a:.1f} us without, {b:.1f} us with; over {RATIO_MAX:.2f} x the same"
        text += f" round's: {over:+.1f} us, target <= {slack:.0f}"
        met &= single.verdict(over <= slack, text)
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
    p.add_argument("--rounds", type=int, default=15)
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--settle", type=int, default=1, help="seconds under attack before measuring")
    args = p.parse_args()
    proc.raise_descriptor_limit()
    subject = single.Subject(args)
    samples = {mode: {False: [], True: []} for mode in MODES}
    fates = []
    churn = measured_churn(subject, args)
    for number in range(args.rounds):
        for mode, close in MODES.items():
            for is_attacked in (False, True) if number % 2 == 0 else (True, False):
                figures, told = turn(subject, args, close, is_attacked, churn)
                samples[mode][is_attacked].append(figures)
                if is_attacked:
                    fates.append(told)
                    churn = churn_of(told)
        print(f"round {number + 1}/{args.rounds}", file=sys.stderr, flush=True)
    print(f"{args.server}: {args.heads} heads, {args.bodies} bodies, {args.deaf} that never read")
    print(f"  what became of them, last turn: {json.dumps(fates[-1])}, closed a second: {churn}")
    met = True
    for mode in MODES:
        met &= judge(mode, samples[mode][False], samples[mode][True])
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
