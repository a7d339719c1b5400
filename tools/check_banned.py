"""Refuses functions and constructs that the house does without.

Usage: check_banned.py [ROOT]. Mutable globals are here too: state hangs from a struct that is
passed. The few that must exist (a signal handler has no argument) stand in
docs/THREADS.md as `name`.
"""

import re
import sys
from pathlib import Path

import csource

CALLS = {
    "alloca": "the stack is not sized by data",
    "asctime": "not reentrant",
    "atof": "no error is told: use base/str.h",
    "atoi": "no error is told: use base/str.h",
    "atol": "no error is told: use base/str.h",
    "atoll": "no error is told: use base/str.h",
    "ctime": "not reentrant",
    "gets": "unbounded",
    "gmtime": "not reentrant: gmtime_r",
    "localtime": "not reentrant: localtime_r",
    "longjmp": "clean-ups would be skipped",
    "mktemp": "races: mkostemp",
    "popen": "runs a shell",
    "rand": "predictable: getrandom",
    "scanf": "unbounded",
    "select": "breaks above descriptor 1023: os/poll.h",
    "sprintf": "unbounded: snprintf",
    "sscanf": "no overflow is told: use base/str.h",
    "strcat": "unbounded",
    "strcpy": "unbounded",
    "strncat": "its length means something else",
    "strncpy": "may leave no terminator",
    "strtok": "not reentrant",
    "system": "runs a shell",
    "tmpnam": "races",
    "vfork": "shares the parent's stack",
    "vsprintf": "unbounded: vsnprintf",
}
CALL = re.compile(rf"(?<![\w.>])({'|'.join(CALLS)})\s*\(")
# pattern, what is wrong, places that may (prefixes)
CONSTRUCTS = (
    (r"\btypedef\s+(?:struct|union|enum)\b", "typedef of a struct, union or enum", ()),
    (r"\(\s*\{", "statement expression", ()),
    (
        r"^\s*#\s*(?:el)?if.*\b(?:__linux__|__APPLE__|__FreeBSD__|__OpenBSD__|__NetBSD__)\b",
        "platform test outside src/os/",
        ("src/os/",),
    ),
    (
        r"\bPY_VERSION_HEX\b|\bPY_MINOR_VERSION\b",
        "Python version test outside compat.h",
        ("src/pybind/compat.h",),
    ),
    (r"\b_Py[A-Z]\w*\s*\(", "private call of Python", ("src/pybind/compat.h",)),
    (r"\bPyGILState_Ensure\b", "a thread state per call: attach once", ()),
    (r"^static\s+PyTypeObject\b", "static type", ()),
)
PATTERNS = tuple((re.compile(p, re.MULTILINE), why, where) for p, why, where in CONSTRUCTS)

# Tables whose type Python's API wants writable.
API_TABLE = re.compile(
    r"\b(?:PyMethodDef|PyMemberDef|PyGetSetDef|PyType_Slot|PyType_Spec|PyModuleDef|PyModuleDef_Slot"
    r"|PyStructSequence_Field|PyStructSequence_Desc)\b"
)
VARIABLE = re.compile(
    r"^(?:static\s+|_Thread_local\s+|__thread\s+|volatile\s+|_Atomic\s+|const\s+)*"
    r"(?:struct\s+|enum\s+|union\s+|unsigned\s+)?[a-zA-Z_]\w*[\s*]+(?P<name>\w+)\s*(?:\[[^\]]*\]\s*)*[=;]",
    re.MULTILINE,
)
INNER_STATIC = re.compile(
    r"^[ \t]+static\s+(?!inline\b)(?P<rest>[^;=]*?(?P<name>\w+)\s*(?:\[[^\]]*\]\s*)*)[=;]",
    re.MULTILINE,
)
NOT_A_VARIABLE = ("typedef", "return", "extern", "goto", "else")
FORWARD = re.compile(r"(?:struct|enum|union)\s+\w+\s*;$")


def file_scope(text):
    """The text with everything inside braces blanked."""
    kept, depth = [], 0
    for char in text:
        if char == "}":
            depth = max(0, depth - 1)
        kept.append(char if depth == 0 or char == "\n" else " ")
        if char == "{":
            depth += 1
    return "".join(kept)


def globals_of(text):
    """Yields (offset, name) of each mutable variable with static storage."""
    for match in VARIABLE.finditer(file_scope(text)):
        declared = match.group(0)
        if declared.split()[0] in NOT_A_VARIABLE or FORWARD.match(declared.strip()):
            continue
        if is_const(declared) or API_TABLE.search(declared):
            continue
        yield match.start(), match.group("name")
    for match in INNER_STATIC.finditer(text):
        if not is_const(match.group(0)) and "(" not in match.group("rest"):
            yield match.start("name"), match.group("name")


def is_const(declared):
    """Whether the object itself is constant: `const char *x` is a mutable pointer."""
    after_star = declared.rpartition("*")[2]
    return bool(re.search(r"\bconst\b", after_star))


def breaches_of(name, text, excused):
    """Yields the breaches of one file."""

    def at(offset):
        return f"{name}:{text.count(chr(10), 0, offset) + 1}"

    for match in CALL.finditer(text):
        yield f"{at(match.start())}: {match.group(1)}(): {CALLS[match.group(1)]}"
    for pattern, why, places in PATTERNS:
        if not (places and name.startswith(places)):
            for match in pattern.finditer(text):
                yield f"{at(match.start())}: {why}"
    if name.startswith("src/") and "/test/" not in name:
        for offset, variable in globals_of(text):
            if variable not in excused:
                yield f"{at(offset)}: mutable global '{variable}'"


def check(root):
    """All breaches below root."""
    threads = root / "docs/THREADS.md"
    excused = set(re.findall(r"`(\w+)`", threads.read_text())) if threads.exists() else set()
    found = []
    for path, name in csource.sources(root, "src", "fuzz"):
        found += breaches_of(name, csource.strip(path.read_text()), excused)
    return found


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else csource.ROOT
    sys.exit(csource.report("banned", check(where)))
