"""`./dev verify [issue]`: every "Done when" at full length, PASS or FAIL with its figure.

The checks stand in tools/verify.toml:

    [[check]]
    issue = 3
    title = "a clean clone serves the demo"
    run = "python tests/verify/clean_clone.py"    # words as for a shell, run in the checkout
    timeout = 1800                                # seconds, default 3600
    pythons = "all"                               # each Python found, 3.10 to 3.13; default: one

A check passes when it exits 0. The last line that it prints is its figure.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import devkit
from devkit import BUILD, ROOT, Failed

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

TABLE = ROOT / "tools/verify.toml"
MINORS = range(10, 14)
LOGS = BUILD / "verify"
# Long tests multiply their work by LICORNE_TEST_DURATION: 1 on each push, this where a promise is
# checked (300 slow clients become the 2,000 that are promised).
FULL = "7"


def works(python):
    """Whether an interpreter runs and can build extensions."""
    probe = (
        "import sysconfig, os; print(os.path.exists(sysconfig.get_path('include') + '/Python.h'))"
    )
    try:
        done = subprocess.run([python, "-c", probe], capture_output=True, text=True, timeout=30)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == "True"


def pythons():
    """{'3.10': path} of every supported Python here: pyenv's newest patch, else PATH's."""
    base = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = {}
    for minor in MINORS:
        name = f"3.{minor}"
        patches = [p for p in base.glob(f"{name}.*") if re.fullmatch(r"3\.\d+\.\d+", p.name)]
        patches.sort(key=lambda p: int(p.name.rpartition(".")[2]), reverse=True)
        candidates = [str(p / "bin/python") for p in patches]
        candidates += [path for path in [shutil.which(f"python{name}")] if path]
        working = next(filter(works, candidates), None)
        if working:
            found[name] = working
    return found


def select(args):
    """The checks that the arguments ask for."""
    checks = tomllib.loads(TABLE.read_text()).get("check", [])
    issues = [int(arg) for arg in args if arg.isdigit()]
    wanted = [c for c in checks if not issues or c["issue"] in issues]
    if "--only" in args:
        text = args[args.index("--only") + 1].lower()
        wanted = [c for c in wanted if text in c["title"].lower()]
    if not wanted:
        raise Failed("no such check; ./dev verify --list shows them")
    return wanted


def expand(checks):
    """Yields (title, command, environment, timeout), one for each Python that a check wants."""
    every = pythons() if any(c.get("pythons") == "all" for c in checks) else {}
    for check in checks:
        words = shlex.split(check["run"])
        title = f"{check['issue']}: {check['title']}"
        timeout = check.get("timeout", 3600)
        if check.get("pythons") != "all":
            yield title, words, {}, timeout
            continue
        for minor, path in every.items():
            env = {"LICORNE_PYTHON": path, "LICORNE_VENV": str(BUILD / f"venv-{minor}")}
            yield f"{title} [{minor}]", ["./dev", "exec", *words], env, timeout


def run_check(number, title, words, env, timeout):
    """Runs one check, prints its line, returns whether it passed."""
    log = LOGS / f"{number:02d}.log"
    started = time.monotonic()
    full = devkit.environment(LICORNE_TEST_DURATION=FULL, **env)
    with open(log, "w") as out:
        child = subprocess.Popen(
            words, cwd=ROOT, env=full, stdout=out, stderr=out, start_new_session=True
        )
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()
            code = "timeout"
    lines = log.read_text(errors="replace").strip().splitlines() or [""]
    seconds = time.monotonic() - started
    print(
        f"{'PASS' if code == 0 else 'FAIL'}  {title}: {lines[-1].strip()}  ({seconds:.0f} s)",
        flush=True,
    )
    if code != 0:
        print(f"      exit {code}: {shlex.join(words)}  (log: {log.relative_to(ROOT)})")
        print("".join(f"      | {line}\n" for line in lines[-15:-1]), end="", flush=True)
    return code == 0


def main(args):
    """[issue...] [--only TEXT] [--list]"""
    checks = select(args)
    if "--list" in args:
        for check in checks:
            print(f"{check['issue']}: {check['title']}\n      {check['run']}")
        return
    devkit.install()
    LOGS.mkdir(parents=True, exist_ok=True)
    results = [run_check(n, *parts) for n, parts in enumerate(expand(checks), 1)]
    print(f"{sum(results)} of {len(results)} checks passed")
    if not all(results):
        raise Failed(f"{len(results) - sum(results)} checks failed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
