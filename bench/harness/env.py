"""What the bench needs and makes for itself: the floor, the peers' environment, the frameworks."""

import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
APPS = BENCH / "apps"
LOAD = BENCH / "load"
RESULTS = BENCH / "results"
BUILD = BENCH / ".build"
PEERS = BENCH / ".venv-peers"
FRAMEWORKS = PEERS / "frameworks"


def clean(text):
    """Text for results and screens: no path of this machine."""
    for path, name in ((ROOT, "."), (pathlib.Path.home(), "~")):
        text = text.replace(str(path), name)
    return text


def requirements(name):
    lines = (BENCH / name).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _compile(source):
    BUILD.mkdir(exist_ok=True)
    out = BUILD / source.stem
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        compiler = os.environ.get("CC", "gcc")
        subprocess.run([compiler, "-std=c11", "-O2", "-o", str(out), str(source)], check=True)
    return out


def build_floor():
    return _compile(BENCH / "ceiling" / "floor.c")


def build_hostile():
    return _compile(LOAD / "hostile.c")


def base_python(python):
    """The interpreter behind a virtual environment: peers and Licorne must run the same one."""
    code = "import sys; print(getattr(sys, '_base_executable', sys.executable))"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def _stamp(python):
    text = subprocess.check_output([python, "-VV"], text=True)
    for name in ("requirements-peers.txt", "requirements-apps.txt"):
        text += (BENCH / name).read_text()
    return hashlib.sha256(text.encode()).hexdigest()


def _pip(*args):
    """Empty when it worked, else the line that says why not."""
    command = [PEERS / "bin" / "python", "-m", "pip", "install", "-q", *args]
    run = subprocess.run([str(a) for a in command], capture_output=True, text=True)
    if run.returncode == 0:
        return ""
    said = [line.strip() for line in (run.stderr + run.stdout).splitlines() if "rror" in line]
    return clean(said[-1] if said else "pip failed")


def make_peers(python, fresh=False):
    """Returns {requirement: why it is missing} and leaves the environment in PEERS."""
    base = base_python(python)
    stamp_file = PEERS / "stamp.json"
    stamp = _stamp(base)
    if stamp_file.exists() and not fresh:
        kept = json.loads(stamp_file.read_text())
        if kept["stamp"] == stamp:
            return kept["missing"]
    print("installing the peers (once) ...", file=sys.stderr, flush=True)
    shutil.rmtree(PEERS, ignore_errors=True)
    subprocess.run([base, "-m", "venv", str(PEERS)], check=True)
    missing = {}
    for requirement in requirements("requirements-peers.txt"):
        if why := _pip(requirement):
            missing[requirement] = why
            print(f"  {requirement}: {why}", file=sys.stderr, flush=True)
    frameworks = BENCH / "requirements-apps.txt"
    if why := _pip("--target", FRAMEWORKS, "-r", frameworks):
        missing["frameworks"] = why
    stamp_file.write_text(json.dumps({"stamp": stamp, "missing": missing}))
    return missing


def server_environment():
    """The environment every server gets: the applications and the frameworks on its path."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GUNICORN", "LD_"))}
    kept["PYTHONPATH"] = os.pathsep.join([str(APPS), str(FRAMEWORKS)])
    return kept


def licorne_python(given):
    """(interpreter, "") or (None, why Licorne cannot be measured)."""
    python = pathlib.Path(given) if given else ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        return None, f"no interpreter at {clean(str(python))}"
    run = subprocess.run([python, "-m", "licorne", "--version"], capture_output=True, text=True)
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines()
        return None, clean(lines[-1] if lines else "licorne --version failed")
    return str(python), ""


def _output(*argv):
    try:
        run = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    except OSError:
        return ""
    return (run.stdout or run.stderr).strip()


def _packages(*args):
    text = _output(PEERS / "bin" / "python", "-m", "pip", "list", "--format=json", *args)
    try:
        return {p["name"].lower(): p["version"] for p in json.loads(text)}
    except ValueError:
        return {}


def _cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit():
    """(short hash, is the tree changed besides results)."""
    short = _output("git", "-C", ROOT, "rev-parse", "--short", "HEAD")
    if not short or " " in short:
        return "nogit", True
    changed = _output("git", "-C", ROOT, "status", "--porcelain", "--", ".", ":!bench/results")
    return short, bool(changed)


def describe(python):
    """What the figures were measured with."""
    short, dirty = commit()
    packages = _packages()
    packages.update(_packages("--path", FRAMEWORKS))
    licorne = _output(python, "-m", "licorne", "--version").split() if python else []
    if licorne:
        packages["licorne"] = licorne[-1].strip("()")
    return {
        "commit": short,
        "dirty": dirty,
        "kernel": platform.release(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": _output(PEERS / "bin" / "python", "-V").partition(" ")[2],
        "wrk": _output("wrk", "-v").splitlines()[0].removeprefix("wrk ").split(" [")[0],
        "compiler": _output(os.environ.get("CC", "gcc"), "--version").splitlines()[0],
        "versions": dict(sorted(packages.items())),
    }
