"""bench/hooks.py - what pre_request and post_request cost a request, defined with nothing in them.

Both servers are up all the time, on one core, and take turns under the same load; what is told is
the median of the turns' differences, as in access_log.py.
"""

import argparse
import statistics
import sys
import tempfile

from access_log import cpu_us
from harness import single

BODIES = {
    "empty": "pass",
    "stamp": "req.started = 1",  # what durations begin with: an attribute of one's own
    "look": "req.method, req.path",  # what log lines begin with
}
CONFIGURATION = """
def pre_request(worker, req):
    {body}

def post_request(worker, req, environ, resp):
    pass
"""


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    single.arguments(p)
    p.add_argument("--connections", type=int, default=32)
    p.add_argument("--seconds", type=int, default=1)
    p.add_argument("--turns", type=int, default=20)
    p.add_argument("--max", type=float, default=1.0, help="microseconds a request allowed")
    p.add_argument("--body", choices=BODIES, default="empty", help="of pre_request")
    args = p.parse_args()
    subject = single.Subject(args)
    if not subject.speaks_gunicorn:
        raise SystemExit(f"{subject.name} has no hooks")
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(CONFIGURATION.format(body=BODIES[args.body]))
        file.flush()
        return 0 if time_it(subject, args, ["-c", file.name]) else 1


def time_it(subject, args, on):
    rows = []
    with subject.start("app:hello") as plain, subject.start("app:hello", *on) as hooked:
        for turn in range(-1, args.turns):  # the first warms up
            pair = {}
            for server in (plain, hooked) if turn % 2 else (hooked, plain):
                pair[server] = cpu_us(server, args, subject.core_client)
            if turn >= 0:
                rows.append((pair[plain], pair[hooked]))
    for without, with_hooks in rows:
        print(f"  {without:.3f} us without, {with_hooks:.3f} us with the hooks")
    costs = sorted(with_hooks - without for without, with_hooks in rows)
    cost = statistics.median(costs)
    spread = f"{costs[len(costs) // 4]:.3f} to {costs[-len(costs) // 4 - 1]:.3f} in half the turns"
    return single.verdict(
        cost <= args.max, f"the hooks cost {cost:.3f} us a request ({spread}), target <= {args.max}"
    )


if __name__ == "__main__":
    sys.exit(main())
