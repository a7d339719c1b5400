"""Refuses any include that layers.toml does not allow.

Usage: check_layers.py [ROOT]. The compiler sees one include path for all rooms, so nothing but this
keeps a low room from reaching up.
"""

import sys
from pathlib import Path

import csource

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib


def cycles(rooms):
    """Yields a text for each room that can reach itself, and for each unknown name."""
    for room, lower in rooms.items():
        for name in lower:
            if name not in rooms:
                yield f"layers.toml: {room} names '{name}', which is no room"
        seen, todo = set(), list(lower)
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += rooms.get(name, [])
        if room in seen:
            yield f"layers.toml: {room} includes itself in the end"


def refuse_quoted(root, room, path, target, rooms):
    """Why a quoted include is wrong, or None."""
    if not (root / "src" / target).exists() and not (path.parent / target).exists():
        return "no such header (paths start at src/)"
    parts = target.split("/")
    if len(parts) == 1:
        return None if path.parent.name == "test" else 'write it as "room/header.h"'
    other = parts[0]
    if other == room:
        return None
    if other not in rooms:
        return f"'{other}' is not in layers.toml"
    if other not in rooms[room]:
        return f"{room} may not include {other}"
    if parts[-1].endswith("_int.h"):
        return f"{parts[-1]} is for {other} only"
    return None


def refuse_outside(name, target, outside):
    """Why a system include is wrong here, or None."""
    for prefix, places in outside.items():
        if target.startswith(prefix) and not name.startswith(tuple(places)):
            return f"only for {', '.join(places)}"
    return None


def check(root):
    """All breaches below root."""
    layers = tomllib.loads((root / "layers.toml").read_text())
    rooms = layers["rooms"]
    breaches = list(cycles(rooms))
    for path, name in csource.sources(root, "src"):
        room = name.split("/")[1]
        if room not in rooms:
            breaches.append(f"{name}: room '{room}' is not in layers.toml")
            continue
        for line, is_quoted, target in csource.includes(path.read_text()):
            why = refuse_outside(name, target, layers["outside"])
            if why is None and is_quoted:
                why = refuse_quoted(root, room, path, target, rooms)
            if why:
                breaches.append(f"{name}:{line}: include {target}: {why}")
    return breaches


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else csource.ROOT
    sys.exit(csource.report("layers", check(where)))
