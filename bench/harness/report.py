"""What the bench tells: the medians, the table for the README, the targets."""

import json
import statistics

from . import env
from .cases import CASES, CHEAPEST_MAX

FLOOR = "floor"


def median(samples, key):
    values = [s[key] for s in samples if s.get(key) is not None]
    return statistics.median(values) if values else None


def medians(rounds):
    """{case: {server: figures}} from {case: {server: [figures of a round]}}."""
    keys = ("rps", "cpu_us", "ratio", "p50_us", "p99_us", "pss_kb")
    out = {}
    for case, servers in rounds.items():
        for server, samples in servers.items():
            row = {key: median(samples, key) for key in keys}
            row["errors"] = sum(s["errors"] for s in samples)
            row["rounds"] = len(samples)
            row["note"] = next((s["note"] for s in samples if s["note"]), "")
            out.setdefault(case, {})[server] = row
    return out


def _number(value, digits=2):
    return "-" if value is None else f"{value:,.{digits}f}"


def show(results):
    """The whole of it, for the screen."""
    lines = []
    for name, servers in results["medians"].items():
        case = CASES[name]
        lines.append(f"\n{case.title}   (ratio to the floor of '{case.ratio_to}')")
        lines.append(
            f"  {'server':<18}{'req/s':>10}{'CPU us':>9}{'ratio':>8}{'p50 us':>10}{'p99 us':>10}"
            f"{'PSS MB':>8}{'errors':>8}"
        )
        for server, row in sorted(servers.items(), key=lambda kv: kv[1]["cpu_us"]):
            lines.append(
                f"  {server:<18}{_number(row['rps'], 0):>10}{_number(row['cpu_us']):>9}"
                f"{_number(row['ratio']):>8}{_number(row['p50_us'], 0):>10}"
                f"{_number(row['p99_us'], 0):>10}{_number(row['pss_kb'] / 1024, 1):>8}"
                f"{row['errors']:>8}  {row['note']}"
            )
        for server, why in results["failures"].get(name, {}).items():
            lines.append(f"  {server:<18}not measured: {why}")
    for server, why in results["missing"].items():
        lines.append(f"\nnot measured at all: {server}: {why}")
    return "\n".join(lines)


def table(results):
    """Markdown: CPU microseconds a request, and the ratio where the floor is the measure."""
    cases = list(results["medians"])
    servers = dict.fromkeys(s for c in cases for s in results["medians"][c])
    order = sorted(servers, key=lambda s: _rank(results, s))
    lines = ["| CPU µs a request (ratio) | " + " | ".join(CASES[c].title for c in cases) + " |"]
    lines.append("| --- |" + " ---: |" * len(cases))
    for server in order:
        cells = []
        for case in cases:
            row = results["medians"][case].get(server)
            cells.append(f"{row['cpu_us']:.1f} ({_number(row['ratio'])})" if row else "–")
        lines.append(f"| {server} | " + " | ".join(cells) + " |")
    about = results["about"]
    versions = about["versions"]
    named = [f"{s} {versions[s]}" for s in _packages(order) if s in versions]
    lines.append("")
    lines.append(
        f"{results['date'][:10]}, {about['cpu']}, Linux {about['kernel']}, Python "
        f"{about['python']}, {results['rounds']} alternated rounds of {results['seconds']} s, one "
        f"core each for server and client. {', '.join(named)}."
    )
    for server, why in results["missing"].items():
        lines.append(f"Not measured: {server} ({why}).")
    return "\n".join(lines)


def _packages(servers):
    names = dict.fromkeys(s.split("-")[0] for s in servers)
    return [*names, "flask", "django"]


def _rank(results, server):
    """The floor first, then by hello, then whoever was not measured there."""
    first = next(iter(results["medians"].values()))
    row = first.get(server)
    return (server != FLOOR, row is None, row["cpu_us"] if row else 0)


def check(results):
    """Prints each figure beside its target; True when all are met."""
    good = True
    print("\ntargets")
    for name, case in CASES.items():
        servers = results["medians"].get(name, {})
        mine = servers.get("licorne")
        if case.ratio_max is not None:
            text, target = "not measured", f"<= {case.ratio_max:.2f} x the floor"
            met = False
            if mine and mine["ratio"] is not None:
                text = f"{mine['ratio']:.3f} x the floor"
                met = mine["ratio"] <= case.ratio_max
        else:
            text, target, met = _check_cheapest(servers, mine)
        if mine and mine["errors"]:
            text += f", {mine['errors']} errors"
            met = False
        good = good and met
        print(f"  {'ok  ' if met else 'MISS'} {case.title:<38}{text:<44} target {target}")
    return good


def _check_cheapest(servers, mine):
    peers = {s: r["cpu_us"] for s, r in servers.items() if s not in (FLOOR, "licorne")}
    if not peers:
        return "no peer measured", f"<= {CHEAPEST_MAX} x the cheapest peer", False
    best = min(peers, key=peers.get)
    target = f"<= {CHEAPEST_MAX} x {best} ({peers[best]:.1f} us)"
    if not mine:
        return "not measured", target, False
    ratio = mine["cpu_us"] / peers[best]
    return f"{mine['cpu_us']:.1f} us, {ratio:.3f} x {best}", target, ratio <= CHEAPEST_MAX


def save(results, path=None):
    if path is None:
        stem = f"{results['date'][:10]}-{results['about']['commit']}"
        path = env.RESULTS / f"{stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path


def newest():
    found = sorted(env.RESULTS.glob("*.json"), key=lambda p: json.loads(p.read_text())["date"])
    if not found:
        raise SystemExit("no results yet: run bench/run.py first")
    return found[-1]
