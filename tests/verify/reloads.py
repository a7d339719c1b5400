"""Changes of a running server under kept-alive load: no request may fail, and none be reset.

    python tests/verify/reloads.py [hup] [scale] [upgrade] [max_requests] [--duration FACTOR]
                                   [--options=OPTIONS]     of the server's, such as --reuse-port

hup            50 HUPs in a row, 10 of them with broken code or configuration
scale          20 pairs of TTIN and TTOU
upgrade        USR2, then TERM to the old master, five times over
max_requests   100, at 200 requests a second, for a minute
Each is done with sync workers and with gthread ones.
"""

import argparse
import os
import pathlib
import re
import shlex
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.clock import wait_until
from support.load import Load
from support.server import Server, children, is_running

APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d"]
"""
BREAKS = (("site_app.py", "1 +"), ("site_app.py", "import no_such_module"), ("conf.py", "1 / 0"))


class Site(Server):
    def write(self, name, text):
        (self.dir / name).write_text(text)

    def wait_workers(self, pid=None):
        wait_until(lambda: len(children(pid or self.pid)) == self.workers, 60, "the workers")


def open_site(options):
    site = Site("site_app:app", workers=2, conf="", args=options)
    site.args = (*options, "--chdir", str(site.dir))
    site.write("site_app.py", APP % 0)
    return site.start()


def hup(site, load, times):
    for i in range(times):
        log = len(site.log())
        is_broken = i % 5 == 4
        if is_broken:
            name, text = BREAKS[i // 5 % len(BREAKS)]
            good = (site.dir / name).read_text()
            site.write(name, text)
        else:
            site.write("site_app.py", APP % i)
        old = site.worker_pids()
        site.signal(signal.SIGHUP)
        if is_broken:
            wait_until(lambda log=log: "Reload failed" in site.log()[log:], 30, "the failure")
            site.write(name, good)
        else:
            wait_until(lambda old=old: not any(map(is_running, old)), 60, "the old ones' end")
    wait_until(lambda: load.bodies[str(times - 2)] > 0, 10, "the last code")


def scale(site, load, times):
    for _ in range(times):
        site.signal(signal.SIGTTIN)
        wait_until(lambda: len(site.worker_pids()) == 3, 30, "one more")
        site.signal(signal.SIGTTOU)
        wait_until(lambda: len(site.worker_pids()) == 2, 60, "one less")


def upgrade(site, load, times):
    """The process that was started ends with the first round; the next are found in the log."""
    pid = site.pid
    for _ in range(times):
        at = len(site.log())
        os.kill(pid, signal.SIGUSR2)
        found = wait_until(
            lambda at=at: re.search(r"Listening at: \S* \((\d+)\)", site.log()[at:]), 30, "the new"
        )
        new = int(found.group(1))
        site.wait_workers(new)
        wait_until(
            lambda at=at: site.log()[at:].count("Booting worker") >= site.workers, 30, "its workers"
        )
        time.sleep(0.5)
        os.kill(pid, signal.SIGTERM)
        if pid == site.pid:
            site.process.wait(60)
        wait_until(lambda at=at: "has been promoted" in site.log()[at:], 30, "the promotion")
        pid = new
    return pid


def max_requests(site, load, seconds):
    time.sleep(seconds)
    assert site.log().count("Autorestarting worker") >= seconds


def run(name, options, factor):
    work = {"hup": 50, "scale": 20, "upgrade": 5, "max_requests": 60}[name]
    extra = ("--max-requests", "100") if name == "max_requests" else ()
    rate = 200 if name == "max_requests" else None
    site = open_site((*options, *extra))
    last = None
    try:
        with Load(site.address, clients=8, rate=rate) as load:
            last = globals()[name](site, load, max(2, int(work * factor)))
        print(f"{name} {' '.join(options) or 'sync'}: {load.count} requests, ", end="")
        print(f"{len(load.failures)} failed {load.failures[:3]}")
        return not load.failures and load.count > 0
    finally:
        if last:
            workers = children(last)
            os.kill(last, signal.SIGTERM)
            wait_until(lambda: not any(map(is_running, [last, *workers])), 60, "the end")
        elif site.process.poll() is None:
            site.process.terminate()
            site.process.wait(60)
        site.kill()
        site.cleanup()


def main():
    names = ("hup", "scale", "upgrade", "max_requests")
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=names)
    parser.add_argument("--duration", type=float, default=1.0)
    parser.add_argument("--options", type=shlex.split, default=[])
    args = parser.parse_args()
    fine = [
        run(name, (*options, *args.options), args.duration)
        for name in args.names
        for options in ((), ("--threads", "4"))
    ]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
