"""All interleavings of small stories over the real owner.c and watch.c, and the faults they find.

    interleavings.py            every story of src/loop/test/explore_owner.c, the large ones too
    interleavings.py --faults   each of owner_faults.toml, made in a copy, must be found by one

Compiled here and not by meson, so that a fault costs one file and no build folder.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LOOP = ROOT / "src/loop"
SUBJECT = ("owner.c", "watch.c")
FAULTS = Path(__file__).with_name("owner_faults.toml")
FLAGS = ("-O2", "-std=gnu11", "-D_GNU_SOURCE", f"-I{ROOT / 'src'}")
PATIENCE = 300  # seconds for the small stories; a fault may make them longer


def compiler(*words):
    """Runs the compiler; returns whether it was content."""
    return subprocess.run([os.environ.get("CC", "cc"), *FLAGS, *words]).returncode == 0


def compile_subject(source, target):
    """Compiles owner.c, watch.c or a copy with the explorer's eyes on its atomics."""
    return compiler("-include", LOOP / "test/explore_atomics.h", "-c", source, "-o", target)


def build(folder):
    """{name: object} of the explorer and its subject."""
    objects = {}
    for source in [*sorted((LOOP / "test").glob("explore_*.c")), *(LOOP / n for n in SUBJECT)]:
        target = objects[source.name] = folder / f"{source.stem}.o"
        if source.name in SUBJECT:
            assert compile_subject(source, target)
        else:
            assert compiler("-c", source, "-o", target)
    return objects


def link(objects, program):
    """The explorer."""
    assert compiler(*objects.values(), "-o", program)
    return program


def plant(fault, number, objects, folder):
    """The explorer around a copy with one fault."""
    name = fault["file"]
    text = (LOOP / name).read_text()
    if text.count(fault["old"]) != 1:
        raise SystemExit(
            f"{fault['what']}: {name} has its old text {text.count(fault['old'])} times"
        )
    source = folder / f"{number}-{name}"
    source.write_text(text.replace(fault["old"], fault["new"]))
    target = source.with_suffix(".o")
    if not compile_subject(source, target):
        raise SystemExit(f"{fault['what']}: does not compile")
    return link(objects | {name: target}, folder / f"explore-{number}")


def is_found(fault, number, objects, folder):
    """Whether a story fails, told in a line; no end, or another exit than a failure's, is none."""
    program = plant(fault, number, objects, folder)
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        done = None
    told = [line for line in (done.stdout if done else "").splitlines() if ": FAILED: " in line]
    print(f"{fault['what']:60s} {told[0] if told else 'NOT FOUND'}", flush=True)
    return done is not None and done.returncode == 1 and bool(told)


def check_faults(folder):
    """Prints who finds what, then the figure."""
    faults = tomllib.loads(FAULTS.read_text())["fault"]
    objects = build(folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(is_found, f, i, objects, folder) for i, f in enumerate(faults)]
        found = sum(job.result() for job in jobs)
    print(f"{found} of {len(faults)} faults found")
    return int(found < len(faults))


def main():
    """Returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="licorne-explore-") as name:
        folder = Path(name)
        if "--faults" in sys.argv[1:]:
            return check_faults(folder)
        return subprocess.run([link(build(folder), folder / "explore_owner"), "--all"]).returncode


if __name__ == "__main__":
    sys.exit(main())
