"""The corpora reach at least 95 % of the lines of the HTTP/1 parser and the chunked decoder."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src/http1").glob("*.c"))
WANTED = [path for path in SOURCES if path.stem.startswith(("parse", "chunked"))]
LEAST = 95.0


def build(folder):
    """Builds with counters and replays the corpora alone."""
    options = ["-Db_coverage=true", "-Dtests=true", "-Dextension=false", "-Dbuildtype=debug"]
    subprocess.run(["meson", "setup", folder, ROOT, *options], check=True, stdout=sys.stderr)
    command = ["meson", "test", "-C", folder, "--suite", "corpus"]
    subprocess.run(command, check=True, stdout=sys.stderr)


def lines_of(folder):
    """{path: {line: was reached}} as gcov tells; a file may be compiled more than once."""
    reached = {path: {} for path in WANTED}
    names = tuple(f"{path.name}.gcda" for path in WANTED)
    for counters in Path(folder).rglob("*.gcda"):
        if not counters.name.endswith(names):
            continue
        command = ["gcov", "--json-format", "--stdout", str(counters)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
        for file in json.loads(told.stdout)["files"]:
            lines = reached.get((Path(folder) / file["file"]).resolve(), {})
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, False) or line["count"] > 0
    return reached


def main():
    """Prints the missed lines, then the figure."""
    folder = tempfile.mkdtemp(prefix="licorne-coverage-")
    try:
        build(folder)
        reached = lines_of(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = {}
    for path, lines in reached.items():
        missed = [str(number) for number, hit in sorted(lines.items()) if not hit]
        figures[path.name] = 100.0 * (len(lines) - len(missed)) / len(lines) if lines else 0.0
        if missed:
            print(f"{path.name}: never reached: {', '.join(missed)}")
    print(", ".join(f"{name} {figure:.1f} %" for name, figure in figures.items()))
    return int(any(figure < LEAST for figure in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
