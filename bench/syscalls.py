"""bench/syscalls.py - system calls a kept-alive request, counted by strace on the worker.

Why: the kernel's share of a small request is most of it, and a call too many hides well in a
profile. The count does not depend on the machine. strace is attached before the load begins and
taken off after it ended, so both counts cover the same requests; the few calls for accepting the
connections are in it.
"""

import argparse
import contextlib
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from harness import proc, single, wrk

LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")


@contextlib.contextmanager
def strace(pid, out):
    """Counts from when all threads are attached until the end of the block."""
    command = ["strace", "-c", "-f", "-o", str(out), "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    threads = len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))
    said = []
    for line in tracer.stderr:
        said.append(line.strip())
        threads -= " attached" in line
        if threads <= 0 or "threads" in line:
            break
    else:
        raise SystemExit(f"strace: {' | '.join(said)}")
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()


def counts(text):
    found = {}
    for line in text.splitlines():
        if (m := LINE.match(line)) and m.group(2) != "total":
            found[m.group(2)] = int(m.group(1))
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    single.arguments(p)
    p.add_argument("--connections", type=int, default=32)
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--max", type=float, default=2.1, help="calls a request allowed")
    args = p.parse_args()
    if shutil.which("strace") is None:
        raise SystemExit("strace is needed: apt-get install strace")
    subject = single.Subject(args)
    load = {"core": subject.core_client, "connections": args.connections}
    with tempfile.TemporaryDirectory(prefix="bench-") as temp, subject.start("app:hello") as server:
        out = pathlib.Path(temp) / "strace"
        url = f"http://127.0.0.1:{server.port}/"
        wrk.load(url, 1, **load)
        before = {pid: proc.cpu_seconds([pid]) for pid in server.pids}
        wrk.load(url, 1, **load)
        worker = max(before, key=lambda pid: proc.cpu_seconds([pid]) - before[pid])
        with strace(worker, out):
            got = wrk.load(url, args.seconds, **load)
        found = counts(out.read_text())
    requests = got["requests"]
    each = sum(found.values()) / requests
    print(f"{args.server}: {requests} requests over {args.connections} connections")
    for name, n in sorted(found.items(), key=lambda kv: -kv[1]):
        if n / requests >= 0.001:
            print(f"  {name:<16}{n:>10}  {n / requests:6.3f} a request")
    met = single.verdict(each <= args.max, f"{each:.3f} calls a request, target <= {args.max}")
    met &= single.verdict(wrk.errors(got) == 0, f"{wrk.errors(got)} errors, target 0")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
