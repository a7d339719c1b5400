"""Keeps files and functions small enough to be read at one sitting.

Usage: check_size.py [ROOT]. A file has at most 600 lines (a warning from 400), a function at most
60, nine functions of ten at most 45, and a cyclomatic complexity of at most 15. What is larger
today stands in tools/size_exceptions.txt with its figure, one a line:

    src/room/file.c lines 700
    src/room/file.c:function length 80
    src/room/file.c:function complexity 20

That list may only shrink: a figure may not grow, a line that is no longer needed must go, and a
line that the last commit did not have is refused.
"""

import ast
import subprocess
import sys
from pathlib import Path

import csource

FILE_LINES, FILE_WARN = 600, 400
FUNCTION_LINES, P90_LINES = 60, 45
COMPLEXITY = 15
EXCEPTIONS = "tools/size_exceptions.txt"
C_TOPS = ("src", "fuzz", "bench")
PY_TOPS = ("python", "tools", "tests", "bench", "examples")
# Where a Python function is product or tool, not a test's table.
PY_FUNCTION_TOPS = ("python/", "tools/")
P90_FROM = 20


def read_exceptions(text):
    """{(place, kind): figure} of a list's lines."""
    rows = (line.split() for line in text.splitlines() if line.strip() and line[0] != "#")
    return {(row[0], row[1]): int(row[2]) for row in rows}


def python_functions(text):
    """Yields (name, length) of each function in Python source."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


def measure(root):
    """Yields (place, kind, figure, limit) for all that has a limit."""
    for path, name in csource.sources(root, *C_TOPS):
        text = path.read_text()
        yield name, "lines", text.count("\n"), FILE_LINES
        for function in csource.functions(text):
            place = f"{name}:{function.name}"
            yield place, "length", function.length, FUNCTION_LINES
            if "/test/" not in name:  # a model of the grammar may be as branchy as the grammar
                yield place, "complexity", function.complexity, COMPLEXITY
    for path, name in csource.sources(root, *PY_TOPS, suffixes=(".py",)):
        text = path.read_text()
        yield name, "lines", text.count("\n"), FILE_LINES
        if name.startswith(PY_FUNCTION_TOPS):
            for function, length in python_functions(text):
                yield f"{name}:{function}", "length", length, FUNCTION_LINES


def committed_exceptions(root, rev):
    """The list at a commit; None where there is no such commit or list."""
    done = subprocess.run(
        ["git", "-C", str(root), "show", f"{rev}:{EXCEPTIONS}"], capture_output=True, text=True
    )
    return read_exceptions(done.stdout) if done.returncode == 0 else None


def growth(root, allowed):
    """Yields a text for each line of the list that an earlier commit did not allow."""
    for rev in ("HEAD", "HEAD^"):
        before = committed_exceptions(root, rev)
        if before is None:
            continue
        for key, figure in allowed.items():
            if figure > before.get(key, 0):
                yield f"{EXCEPTIONS}: {' '.join(key)} {figure}: the list may only shrink"


def check(root):
    """All breaches below root; warnings are printed."""
    path = root / EXCEPTIONS
    allowed = read_exceptions(path.read_text()) if path.exists() else {}
    breaches = list(growth(root, allowed))
    used, lengths = set(), []
    for place, kind, figure, limit in measure(root):
        if kind == "length" and ".c:" in place:
            lengths.append(figure)
        if kind == "lines" and FILE_WARN < figure <= limit:
            print(f"{place}: {figure} lines (warning from {FILE_WARN})")
        if figure <= limit:
            continue
        used.add((place, kind))
        limit = allowed.get((place, kind), limit)
        if figure > limit:
            breaches.append(f"{place}: {kind} {figure}, at most {limit}")
    for key in sorted(allowed.keys() - used):
        breaches.append(f"{EXCEPTIONS}: {' '.join(key)} is no longer needed: remove the line")
    p90 = sorted(lengths)[len(lengths) * 9 // 10] if len(lengths) >= P90_FROM else 0
    if p90 > P90_LINES:
        breaches.append(f"one function of ten has {p90} lines or more, at most {P90_LINES}")
    return breaches


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else csource.ROOT
    sys.exit(csource.report("size", check(where)))
