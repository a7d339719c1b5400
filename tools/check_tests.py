"""Refuses a source without a unit test, and a header that does not compile by itself.

Usage: check_tests.py [ROOT]. src/room/x.c is tested by src/room/test/test_x.c. What has none
stands in tools/untested.txt with the reason; a path that ends in a slash speaks for the folder:

    src/room/x.c: why not
"""

import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import csource

UNTESTED = "tools/untested.txt"


def read_reasons(root):
    """{path: reason} of the list."""
    path = root / UNTESTED
    lines = path.read_text().splitlines() if path.exists() else []
    rows = (line.partition(":") for line in lines if line.strip() and line[0] != "#")
    return {place.strip(): reason.strip() for place, _, reason in rows}


def missing_tests(root):
    """Yields a text for each source without test and for each line that speaks of nothing."""
    reasons = read_reasons(root)
    used = set()
    for path, name in csource.sources(root, "src", suffixes=(".c",)):
        if "/test/" in name:
            continue
        is_tested = (path.parent / "test" / f"test_{path.name}").exists()
        excuse = next(
            (p for p in reasons if name == p or (p[-1] == "/" and name.startswith(p))), None
        )
        if not is_tested and excuse is None:
            yield f"{name}: no test/test_{path.name}, nor a reason in {UNTESTED}"
        if excuse and not (is_tested and excuse == name):
            used.add(excuse)
    for place, reason in reasons.items():
        if place not in used:
            yield f"{UNTESTED}: {place}: tested or gone, remove the line"
        elif not reason:
            yield f"{UNTESTED}: {place}: says no reason"


def compile_alone(root, name):
    """The compiler's first complaint about a header on its own, or None."""
    command = [
        os.environ.get("CC", "cc"),
        "-x",
        "c",
        "-std=gnu11",
        "-fsyntax-only",
        "-D_GNU_SOURCE",
    ]
    command += ["-Wall", "-Wextra", "-Werror", "-I", str(root / "src")]
    text = f'#include "{name.removeprefix("src/")}"\n'
    if name.startswith("src/pybind/"):
        command += ["-I", sysconfig.get_path("include")]
        text = f"#include <Python.h>\n{text}"
    done = subprocess.run([*command, "-"], input=text, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if "error" in line] or ["?"]
    return f"{name}: does not compile alone: {lines[0]}"


def check(root):
    """All breaches below root."""
    headers = [name for _, name in csource.sources(root, "src", suffixes=(".h",))]
    public = [name for name in headers if not name.endswith("_int.h") and "/test/" not in name]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        alone = list(pool.map(lambda name: compile_alone(root, name), public))
    return [*missing_tests(root), *filter(None, alone)]


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else csource.ROOT
    sys.exit(csource.report("tests", check(where)))
