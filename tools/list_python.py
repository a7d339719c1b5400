"""Prints the files of the Python package, one per line, relative to the folder given.

The build calls this: what the wheel holds is decided here, and a stray cache or
editor file is not in it.
"""

import sys
from pathlib import Path

SUFFIXES = {".py", ".pyi", ".typed", ".html", ".css", ".js"}


def package_files(root):
    """Yields the files to install below root, sorted so that builds repeat."""
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
        if path.is_file() and path.suffix in SUFFIXES and not hidden:
            yield path.relative_to(root).as_posix()


if __name__ == "__main__":
    print("\n".join(package_files(Path(sys.argv[1]))))
