"""Writes python/licorne/config/bounds.py from src/engine/config.def.

Usage: gen_bounds.py [--check]. The module is kept in the tree, so that settings can be read without
a build; --check writes nothing and fails when it is not what the table says.
"""

import re
import sys

import csource

TABLE = csource.ROOT / "src/engine/config.def"
MODULE = csource.ROOT / "python/licorne/config/bounds.py"
INTRO = '''\
"""How large the settings that are numbers may be, and how long those that are lists.

Written by tools/gen_bounds.py from src/engine/config.def: do not edit, ./dev docs renews it.
"""
'''
ROWS = {
    "NUMBERS": (
        r'^X\((?:U32|I64|MS), "(\w+)", [\w.]+, (\d+), (\d+)\)$',
        r'^NUMBER\("(\w+)", (\d+), (\d+), [^)]+\)$',
    ),
    "LENGTHS": (r'^LIST\("(\w+)", (\d+), \w+\)$',),
}
NO_BOUNDS = r'^X\(BOOL, "\w+", [\w.]+, 0, 1\)$'


def found(patterns, text):
    """{name: bounds} of the lines that match."""
    rows = [row for pattern in patterns for row in re.findall(pattern, text, re.M)]
    return {name: tuple(map(int, bounds)) for name, *bounds in rows}


def module(text):
    """The whole module. A line of the table that no pattern knows is a mistake."""
    tables = {name: found(patterns, text) for name, patterns in ROWS.items()}
    lines = re.findall(r"^[A-Z0-9]+\(", text, re.M)
    known = sum(map(len, tables.values())) + len(re.findall(NO_BOUNDS, text, re.M))
    if known != len(lines):
        raise SystemExit(f"{TABLE}: {len(lines)} rows, {known} of them understood")
    parts = [INTRO]
    for name, rows in tables.items():
        body = "".join(
            f'    "{key}": {row if len(row) > 1 else row[0]},\n' for key, row in rows.items()
        )
        parts.append(f"{name} = {{\n{body}}}\n")
    return "\n".join(parts)


def main(args):
    """Writes the module, or says whether it is fresh."""
    text = module(TABLE.read_text())
    if "--check" in args:
        if MODULE.exists() and MODULE.read_text() == text:
            return 0
        print(f"{MODULE.relative_to(csource.ROOT)} is not what config.def says: run ./dev docs")
        return 1
    MODULE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
