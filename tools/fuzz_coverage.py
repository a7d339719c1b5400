"""Measures how much of the parsers the corpus in the tree reaches: line coverage by gcov.

    tools/fuzz_coverage.py [--least PERCENT] [--show]

Builds each player of fuzz/standalone.c with the sources it judges, plays fuzz/corpus/NAME and
prints the coverage of every file in WATCHED. Exits 1 when one of them has less than PERCENT (95).
--show lists the lines that were not reached.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = [f"src/http1/test/{name}.c" for name in ("feed", "model_body", "model_head", "model_uri")]
ROOMS = [
    *(f"src/http1/{name}.c" for name in ("parse", "framing", "errtext", "chunked")),
    *(f"src/http/{name}.c" for name in ("token", "uri", "errorpage", "request")),
    *(f"src/base/{name}.c" for name in ("base", "rc", "str")),
]
WATCHED = {
    "h1_parse": ["src/http1/parse.c", "src/http1/framing.c"],
    "chunked": ["src/http1/chunked.c"],
    "uri": ["src/http/uri.c"],
}


def play(name: str, where: Path) -> None:
    """Builds one player with counters in `where` and runs the corpus through it."""
    sources = ["fuzz/standalone.c", f"fuzz/fuzz_{name}.c", *MODEL, *ROOMS]
    compiler = os.environ.get("CC", "gcc")
    flags = ["-O0", "-g", "--coverage", "-std=gnu11", "-D_GNU_SOURCE", f"-I{ROOT / 'src'}"]
    for source in sources:
        target = where / (source.replace("/", "-").removesuffix(".c") + ".o")
        subprocess.run([compiler, *flags, "-c", ROOT / source, "-o", target], check=True, cwd=where)
    objects = sorted(where.glob("*.o"))
    subprocess.run([compiler, "--coverage", *objects, "-o", where / "player"], check=True)
    subprocess.run([where / "player", ROOT / "fuzz" / "corpus" / name], check=True, cwd=where)


def lines_of(source: str, where: Path) -> dict[int, int]:
    """{line: times} of one source."""
    data = where / (source.replace("/", "-").removesuffix(".c") + ".gcda")
    gcov = os.environ.get("GCOV", "gcov")
    command = [gcov, "--json-format", "--stdout", data]
    report = subprocess.run(command, check=True, capture_output=True, cwd=where).stdout
    counts: dict[int, int] = {}
    for file in json.loads(report)["files"]:
        if Path(file["file"]).resolve() != ROOT / source:
            continue
        for line in file["lines"]:
            number = line["line_number"]
            counts[number] = max(counts.get(number, 0), line["count"])
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=95.0, metavar="PERCENT")
    parser.add_argument("--show", action="store_true", help="list the lines not reached")
    args = parser.parse_args()
    is_short = False
    for name, sources in WATCHED.items():
        with tempfile.TemporaryDirectory() as folder:
            play(name, Path(folder))
            for source in sources:
                counts = lines_of(source, Path(folder))
                missed = sorted(number for number, times in counts.items() if times == 0)
                percent = 100.0 * (len(counts) - len(missed)) / max(1, len(counts))
                is_short |= percent < args.least
                print(f"{source}: {percent:.1f} % of {len(counts)} lines", flush=True)
                if args.show and missed:
                    print("  not reached:", *missed)
    return 1 if is_short else 0


if __name__ == "__main__":
    sys.exit(main())
