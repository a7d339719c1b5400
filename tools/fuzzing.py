"""`./dev fuzz [target] [minutes]`: libFuzzer under ASan and UBSan, with a record of what was run.

fuzz/RUNS holds a line for each target: the hash of the code that the target compiles in (comments
and spaces do not count), the CPU minutes spent on exactly that code, and what came of it. A change
of the code starts the count again. fuzz/targets.toml says which sources belong to a target; one
that is not named there is judged by every room:

    [fuzz_uri]
    sources = ["src/base/*", "src/http/uri.*"]
    dict = "http.dict"                             # optional
    options = ["-max_len=8192"]                    # optional

--merge brings what was found back into fuzz/corpus; --check MINUTES fails when a target's record is
shorter than that or has a finding open.
"""

import datetime
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import csource
import devkit
from devkit import BUILD, ROOT, Failed, say

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

FUZZ = ROOT / "fuzz"
RUNS = FUZZ / "RUNS"
FOUND = BUILD / "fuzz-corpus"
DEFAULT_MINUTES = 1.0
CODE = (".c", ".h", ".def")
HEADING = "# target  hash of its code  CPU minutes on it  result  last run (UTC)\n"


def targets():
    """{name: table} of every fuzz/fuzz_*.c, with what fuzz/targets.toml says of it."""
    path = FUZZ / "targets.toml"
    told = tomllib.loads(path.read_text()) if path.exists() else {}
    found = {source.stem: {"sources": ["src/**/*"]} for source in sorted(FUZZ.glob("fuzz_*.c"))}
    unknown = told.keys() - found.keys()
    if unknown or not found:
        raise Failed(f"no fuzz/{min(unknown, default='fuzz_*')}.c")
    return {name: table | told.get(name, {}) for name, table in found.items()}


def code_hash(name, table):
    """A short hash of the code that the target compiles in."""
    paths = {FUZZ / f"{name}.c"}
    for glob in table["sources"]:
        found = [p for p in ROOT.glob(glob) if p.suffix in CODE and "test" not in p.parts]
        if not found:
            raise Failed(f"fuzz/targets.toml: {name}: '{glob}' matches nothing")
        paths.update(found)
    return devkit.digest(sorted(paths), csource.code_only)[:16]


def read_runs():
    """{target: [hash, minutes, result, when]} of the record."""
    lines = RUNS.read_text().splitlines() if RUNS.exists() else []
    rows = (line.split() for line in lines if line.strip() and line[0] != "#")
    return {row[0]: [row[1], float(row[2]), row[3], row[4]] for row in rows}


def record(name, digest, minutes, result):
    """Adds a run; an older hash gives way, an open finding stays until the code changes."""
    with devkit.locked("fuzz-runs"):
        rows = read_runs()
        before = rows.get(name)
        if before and before[0] == digest:
            minutes += before[1]
            result = before[2] if before[2] != "clean" else result
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
        rows[name] = [digest, minutes, result, now]
        text = "".join(f"{n}  {h}  {m:.1f}  {r}  {w}\n" for n, (h, m, r, w) in sorted(rows.items()))
        RUNS.write_text(HEADING + text)


def build():
    """Builds every target with clang and returns the folder of the programs."""
    with devkit.locked("fuzz"):
        where = devkit.meson_setup(
            "fuzz",
            "-Dfuzz=true",
            "-Dextension=false",
            "-Ddebug_checks=true",
            "-Dbuildtype=debugoptimized",
            "-Db_sanitize=address,undefined",
            "-Db_lundef=false",
            CC="clang",
        )
        devkit.ninja(where)
    return where / "fuzz"


def corpora(name):
    """The folder for new finds, then the one in the tree."""
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    kept = FUZZ / "corpus" / name.removeprefix("fuzz_")
    return [str(path) for path in (found, kept) if path.exists()]


def hunt(folder, name, table, minutes):
    """Runs one target for its time; returns (name, CPU minutes, result)."""
    artifacts = BUILD / "fuzz-findings" / name
    artifacts.mkdir(parents=True, exist_ok=True)
    before = set(artifacts.iterdir())
    command = ["nice", str(folder / name), *table.get("options", [])]
    command += [f"-max_total_time={max(1, int(minutes * 60))}", "-timeout=20", "-rss_limit_mb=2048"]
    command += [f"-artifact_prefix={artifacts}/", "-print_final_stats=1", "-verbosity=1"]
    if "dict" in table:
        command.append(f"-dict={FUZZ / table['dict']}")
    log = BUILD / f"fuzz-{name}.log"
    with open(log, "w") as out:
        child = subprocess.Popen([*command, *corpora(name)], stdout=out, stderr=out, cwd=BUILD)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    spent = (usage.ru_utime + usage.ru_stime) / 60
    found = set(artifacts.iterdir()) if artifacts.exists() else set()
    new = sorted(path.name for path in found - before)
    if child.returncode == 0 and not new:
        return name, spent, "clean"
    print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-40:]))
    return name, spent, new[0] if new else f"exit:{child.returncode}"


def run_targets(chosen, minutes):
    """Runs the targets, two at a time at most, and records each."""
    table = targets()
    hashes = {name: code_hash(name, table[name]) for name in chosen}
    folder = build()
    started = time.monotonic()
    bad = []
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        jobs = [pool.submit(hunt, folder, name, table[name], minutes) for name in chosen]
        for job in jobs:
            name, spent, result = job.result()
            record(name, hashes[name], spent, result)
            say(f"{name}: {spent:.1f} CPU minutes, {result}")
            bad += [name] if result != "clean" else []
    minutes = (time.monotonic() - started) / 60
    say(f"{len(chosen)} targets in {minutes:.1f} minutes, record in fuzz/RUNS")
    if bad:
        raise Failed(f"findings in {', '.join(bad)}; inputs in build/fuzz-findings/")


def merge(chosen):
    """Adds to fuzz/corpus what covers something new there."""
    folder = build()
    for name in chosen:
        kept = FUZZ / "corpus" / name.removeprefix("fuzz_")
        kept.mkdir(parents=True, exist_ok=True)
        devkit.quietly([folder / name, "-merge=1", kept, FOUND / name])
        say(f"{name}: {sum(1 for _ in kept.iterdir())} files in {kept.relative_to(ROOT)}")


def check(chosen, minutes):
    """Fails when a target's record is too short for today's code, or has a finding open."""
    rows = read_runs()
    known = targets()
    short = []
    for name in chosen:
        table = known[name]
        digest, spent, result, _ = rows.get(name, ["", 0.0, "never run", ""])
        if digest != code_hash(name, table):
            spent, result = 0.0, "code changed since" if digest else result
        is_enough = spent >= minutes and result == "clean"
        print(f"{'ok ' if is_enough else 'BAD'} {name}: {spent:.1f} CPU minutes, {result}")
        short += [] if is_enough else [name]
    if short:
        raise Failed(f"not {minutes:g} clean minutes on today's code: {', '.join(short)}")


def main(args):
    """[target...] [minutes] | --merge [target...] | --check [target...] MINUTES"""
    numbers = [arg for arg in args if arg.replace(".", "", 1).isdigit()]
    names = [arg for arg in args if not arg.startswith("--") and arg not in numbers]
    known = targets()
    chosen = [name if name in known else f"fuzz_{name}" for name in names] or list(known)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise Failed(f"no target {', '.join(unknown)}; there are: {', '.join(known)}")
    minutes = float(numbers[0]) if numbers else DEFAULT_MINUTES
    if "--check" in args:
        check(chosen, minutes)
    elif "--merge" in args:
        merge(chosen)
    else:
        if shutil.which("clang") is None:
            raise Failed("clang is needed")
        run_targets(chosen, minutes)
