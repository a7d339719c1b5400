"""What an access log's format may be: Python's `%` over Gunicorn's atoms, as the engine does it.

The engine (src/log/access_format.c) compiles the format; it is looked at here first, so that one
that could never give a line is refused before anything starts.
"""

import re

FORMAT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'

# LC_ACCESS_FORMAT_MAX; and no more atoms than LC_ACCESS_OPS_MAX has room for.
LONGEST = 2048
MOST_ATOMS = 40

NUMBERS = ("B", "T", "D", "M")  # the atoms that %d can format
TEXTS = tuple("hlutrmUqHsbfaLp")  # those that it cannot; other names are a logger_class's own

_ATOM = re.compile(
    r"%(?:%|\((?P<name>[^()]*)\)(?:[-0]*\d{0,3}"
    r"(?:(?P<number>[diu])|(?:\.\d{0,3})?(?P<float>[eEfFgG])|(?:\.\d{0,3})?[sra])))"
)
_ENVIRON = re.compile(r"%\(\{([^()]*)\}[eE]\)")

# What the engine knows of an environ, beside HTTP_*: src/engine/access_log.c has the same names.
ENVIRON = (
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "RAW_URI",
    "PATH_INFO",
    "SCRIPT_NAME",
    "QUERY_STRING",
    "SERVER_PROTOCOL",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_SOFTWARE",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "wsgi.url_scheme",
    "wsgi.multithread",
    "wsgi.multiprocess",
)


def check(text):
    """-> the text; ValueError if no line can be made by it"""
    if len(text.encode()) > LONGEST:
        raise ValueError(f"Longer than {LONGEST} bytes: {text[:60]!r}...")
    at, natoms = text.find("%"), 0
    while at >= 0:
        found = _ATOM.match(text, at)
        if found is None:
            raise ValueError(f"Cannot be formatted, from {text[at : at + 20]!r} on: {text!r}")
        if (found["number"] or found["float"]) and _is_text(found["name"]):
            raise ValueError(f"Not a number: {found.group()!r} in {text!r}")
        natoms += 1
        at = text.find("%", found.end())
    if natoms > MOST_ATOMS:
        raise ValueError(f"More than {MOST_ATOMS} atoms: {natoms}")
    return text


def _is_text(name):
    return name in TEXTS or name.startswith("{")


def only_python(text):
    """The first piece that the engine cannot format, or None: a number that only a logger has."""
    for found in _ATOM.finditer(text):
        if found["float"] or (found["number"] and found["name"] not in NUMBERS):
            return found.group()
    return None


def unknown_environ(text):
    """The names of %({name}e)s atoms that the engine has no value for."""
    known = {name.lower() for name in ENVIRON}
    names = dict.fromkeys(_ENVIRON.findall(text.replace("%%", "")))
    return [n for n in names if n.lower() not in known and not n.lower().startswith("http_")]
