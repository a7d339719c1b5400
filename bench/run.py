"""bench/run.py - what a request costs, Licorne and its peers, as ratios to the floor.

Why it is built like this: figures from two runs do not compare (clock, neighbours, caches), figures
from two turns of one round do. So every server runs in every round, in an order that changes; a
ratio is taken within its round; and what is told is the median of the rounds. The server has one
core to itself and wrk another.
"""

import argparse
import datetime
import json
import pathlib
import shutil
import sys
import tempfile
import time

from harness import env, observer, proc, report, servers, wrk
from harness.cases import CASES

CONNECTIONS = 32


class Bench:
    def __init__(self, args, floor, peers):
        self.args, self.floor, self.peers = args, floor, peers
        self.core_server, self.core_client = proc.cores()
        self.logs = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
        self.rounds = {name: {} for name in args.cases}
        self.failures = {}

    def measure(self, case, argv, port, check=True):
        """One turn: start, look at the answer, warm up, load, stop. Returns its figures."""
        environment = env.server_environment()
        log = self.logs / "server.log"
        url = f"http://127.0.0.1:{port}/"
        load = {"core": self.core_client, "script": case.script, "close": case.close}
        load["connections"] = CONNECTIONS
        with proc.Server(argv, port, self.core_server, environment, env.BUILD, log) as server:
            note = ""
            if check:
                note = wrk.check_answer(port, case.request(port), case.body_len, case.close)
            wrk.load(url, 1, **load)
            before = proc.cpu_seconds(server.pids)
            start = time.monotonic()
            got = wrk.load(url, self.args.seconds, **load)
            wall = time.monotonic() - start
            used = proc.cpu_seconds(server.pids) - before
            pss = proc.memory_kb(server.pids)
        if got["requests"] == 0:
            raise wrk.LoadError(f"no request was answered ({wrk.errors(got)} errors)")
        return {
            "rps": got["requests"] / got["seconds"],
            "cpu_us": used / got["requests"] * 1e6,
            "busy": used / wall,
            "p50_us": got["p50_us"],
            "p99_us": got["p99_us"],
            "pss_kb": pss,
            "errors": wrk.errors(got),
            "note": note,
        }

    def turn_floor(self, case):
        port = proc.free_port()
        argv = servers.floor_argv(self.floor, port, case.floor)
        return self.measure(case, argv, port, check=False)

    def turn_peer(self, case, peer):
        """One turn of a peer, or None and a reason kept when it cannot do this case."""
        failed = self.failures.setdefault(case.name, {})
        if peer.name in failed:
            return None
        target = peer.target(case)
        if target is None:
            failed[peer.name] = "ASGI server, WSGI application"
            return None
        port = proc.free_port()
        try:
            return self.measure(case, peer.argv(target, port), port)
        except (proc.StartError, wrk.LoadError, OSError) as error:
            failed[peer.name] = env.clean(str(error))
            return None

    def round(self, number):
        floors = {}
        for name in dict.fromkeys([CASES[c].ratio_to for c in self.args.cases]):
            if name not in self.args.cases:
                floors[name] = self.turn_floor(CASES[name])["cpu_us"]
        for name in self.args.cases:
            case = CASES[name]
            mine = {}
            if case.floor is not None:
                mine[report.FLOOR] = self.turn_floor(case)
                floors[name] = mine[report.FLOOR]["cpu_us"]
            for peer in self.order(number):
                if (figures := self.turn_peer(case, peer)) is not None:
                    mine[peer.name] = figures
            for server, figures in mine.items():
                # A floor under requests that are not its own (20 headers) is information alone.
                figures["ratio"] = figures["cpu_us"] / floors[case.ratio_to]
                self.rounds[name].setdefault(server, []).append(figures)
            done = f"round {number + 1}/{self.args.rounds}: {case.title}"
            print(done, file=sys.stderr, flush=True)

    def order(self, number):
        """Each round begins with another server, and every second round runs backwards."""
        if not self.peers:
            return []
        at = number % len(self.peers)
        turned = [*self.peers[at:], *self.peers[:at]]
        return turned[::-1] if number % 2 else turned

    def run(self):
        try:
            for number in range(self.args.rounds):
                self.round(number)
        finally:
            shutil.rmtree(self.logs, ignore_errors=True)


def choose(args, python, why_not, missing):
    """The servers to run, and {server: why it is not run}."""
    chosen, left_out = [], {}
    if python:
        chosen.append(servers.licorne(python))
    else:
        left_out["licorne"] = why_not
    for peer in servers.PEERS:
        if why := peer.missing(missing):
            left_out[peer.name] = why
        else:
            chosen.append(peer)
    if args.only:
        known = {"licorne", report.FLOOR, *(p.name for p in servers.PEERS)}
        if unknown := set(args.only) - known:
            wrong, right = (", ".join(sorted(names)) for names in (unknown, known))
            raise SystemExit(f"--only: no server {wrong}; there are {right}")
        chosen = [p for p in chosen if p.name in args.only]
        left_out = {n: why for n, why in left_out.items() if n in args.only}
    return chosen, left_out


def bench(args):
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is needed: apt-get install wrk util-linux")
    floor = env.build_floor()
    proc.raise_descriptor_limit()
    python, why_not = env.licorne_python(args.licorne)
    missing = env.make_peers(python or sys.executable, args.fresh)
    peers, left_out = choose(args, python, why_not, missing)
    run = Bench(args, floor, peers)
    run.run()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "rounds": args.rounds,
        "seconds": args.seconds,
        "connections": CONNECTIONS,
        "about": env.describe(python),
        "missing": left_out,
        "failures": {c: f for c, f in run.failures.items() if f},
        "medians": report.medians(run.rounds),
        "samples": run.rounds,
    }


def names(text):
    return [n for n in text.split(",") if n]


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--quick", action="store_true", help="one round of one second")
    p.add_argument("--only", type=names, metavar="NAME,...", help="these; the floor always")
    p.add_argument("--cases", type=names, default=list(CASES), help=f"of {','.join(CASES)}")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=3, help="of load in each turn")
    p.add_argument("--licorne", metavar="PATH", help="an interpreter that has licorne")
    p.add_argument("--fresh", action="store_true", help="install the peers anew, at their newest")
    p.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the results here")
    p.add_argument(
        "--check",
        nargs="?",
        const="run",
        metavar="FILE",
        help="exit 1 unless every target is met; with FILE, judge those results and run nothing",
    )
    p.add_argument(
        "--table",
        nargs="?",
        const="newest",
        metavar="FILE",
        help="print the Markdown table of the newest results, or of FILE; runs nothing",
    )
    args = p.parse_args()
    if unknown := set(args.cases) - set(CASES):
        p.error(f"--cases: no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    if args.rounds < 1 or args.seconds < 1:
        p.error("--rounds and --seconds: 1 or more")
    if args.quick:
        args.rounds, args.seconds = 1, 1
    return args


def main():
    args = parse()
    if args.table:
        path = report.newest() if args.table == "newest" else pathlib.Path(args.table)
        print(report.table(json.loads(path.read_text())))
        return 0
    if args.check and args.check != "run":
        return 0 if report.check(json.loads(pathlib.Path(args.check).read_text())) else 1
    observer.leave_binary()
    results = bench(args)
    print(report.show(results))
    # A quick run is not a result: it is kept only where it is asked for.
    if args.json or not args.quick:
        print(f"\nresults in {env.clean(str(report.save(results, args.json)))}")
    if args.check:
        return 0 if report.check(results) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
