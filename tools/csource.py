"""Reads C as far as the gates need it: comments away, functions found, includes listed.

Not a parser. The house style makes it enough: a function's braces stand alone in column one.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")
DECISION = re.compile(r"\b(?:if|for|while)\b|&&|\|\||\?")
CASES = re.compile(r"(?:\bcase\b[^:;{}?]*:\s*)+")


@dataclass(frozen=True)
class Function:
    """One definition: where it stands and what it costs to read."""

    name: str
    line: int
    length: int
    complexity: int


def _blank(match):
    text = match.group(0)
    kept = "".join("\n" if char == "\n" else " " for char in text)
    return f"{text[0]}{kept[1:-1]}{text[-1]}" if text[0] in "\"'" else kept


def strip(text):
    """Text with comments and the insides of literals blanked; every line keeps its number."""
    return TOKEN.sub(_blank, text)


def code_only(data):
    """Bytes without comments and needless space: what decides whether the code changed."""
    text = data.decode("utf-8", "replace")
    kept = TOKEN.sub(lambda m: m.group(0) if m.group(0)[0] in "\"'" else " ", text)
    return "\n".join(" ".join(line.split()) for line in kept.splitlines() if line.strip()).encode()


def includes(text):
    """Yields (line, is_quoted, path) of each include."""
    for match in INCLUDE.finditer(re.sub(r"/\*.*?\*/", _blank, text, flags=re.DOTALL)):
        yield text.count("\n", 0, match.start()) + 1, match.group(1) == '"', match.group(2)


def complexity(body):
    """Decisions + 1; a run of labels for one branch counts once."""
    return 1 + len(DECISION.findall(body)) + len(CASES.findall(body))


def _name_line(lines, brace):
    """The line where the signature that ends before `brace` names the function."""
    first = brace
    while first > 0:
        above = lines[first - 1].strip()
        if not above or above.endswith((";", "}", "{")) or above.startswith("#"):
            break
        first -= 1
    for number in range(first, brace + 1):
        if NAME.search(lines[number]) and not lines[number].startswith("__attribute__"):
            return number
    return first


def _opens(line):
    """A lone brace, or a signature that wrongly keeps its brace on the line."""
    return line.rstrip() == "{" or (
        line[:1].isalpha() and line.rstrip().endswith(") {") and "=" not in line
    )


def functions(text):
    """Every function defined in the text."""
    lines = strip(text).split("\n")
    found = []
    number = 0
    while number < len(lines):
        if not _opens(lines[number]):
            number += 1
            continue
        start = _name_line(lines, number)
        end = number
        while end < len(lines) - 1 and not lines[end].startswith("}"):
            end += 1
        names = NAME.findall(" ".join(lines[start : number + 1]))
        body = "\n".join(lines[number : end + 1])
        name = next((n for n in names if n not in ("LC_MUST_USE", "__attribute__")), "?")
        found.append(Function(name, start + 1, end - start + 1, complexity(body)))
        number = end + 1
    return found


def sources(root, *tops, suffixes=(".c", ".h")):
    """Yields (path, path relative to root as text) of the files below the folders named.

    Hidden folders are passed over: environments and caches live there.
    """
    for top in tops:
        for folder, names, files in os.walk(root / top):
            names[:] = sorted(name for name in names if name[0] != ".")
            for file in sorted(files):
                path = Path(folder, file)
                if path.suffix in suffixes:
                    yield path, path.relative_to(root).as_posix()


def report(gate, breaches):
    """Prints the breaches and returns the gate's exit status."""
    for breach in breaches:
        print(breach)
    print(f"{gate}: {f'{len(breaches)} breaches' if breaches else 'ok'}")
    return 1 if breaches else 0
