"""The atoms of an access line, and how they are made safe to print.

The engine makes the same lines in C (src/log/access.c); what differs is a fault of one of the two.
"""

import contextlib
import os
import re
from time import strftime

_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f-\uffff\U00010000-\U0010ffff]')
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f]")


def escape(text):
    """One line, whose quoted fields end at their quotes. UTF-8 read as Latin-1 stays as it is."""
    if _SPECIAL.search(text) is None:
        return text
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    with contextlib.suppress(UnicodeEncodeError):  # a text of the application's own
        text = text.encode("latin-1").decode("utf-8", "backslashreplace")
    return _HIDDEN.sub(_hex, text)


def _hex(match):
    return "".join(f"\\x{byte:02x}" for byte in match.group().encode())


class SafeAtoms(dict):
    """Atoms by name, escaped; what is missing is '-', and {Name}i does not mind its case."""

    def __init__(self, atoms):
        super().__init__(atoms)
        # One look at them all together is enough for most requests.
        if _SPECIAL.search("".join([v for v in atoms.values() if isinstance(v, str)])):
            for key, value in atoms.items():
                if isinstance(value, str) and _SPECIAL.search(value):
                    self[key] = escape(value)

    def __getitem__(self, key):
        return self.get(key.lower() if key[:1] == "{" else key, "-")


def now():
    return strftime("[%d/%b/%Y:%H:%M:%S %z]")


def user_of(environ):
    """The user of Basic authorization, or None."""
    field = environ.get("HTTP_AUTHORIZATION") or ""
    if field[:6].lower() != "basic ":
        return None
    from base64 import b64decode

    try:
        text = b64decode(field[6:].strip().encode("latin-1"))
    except ValueError:
        return None
    return text.partition(b":")[0].decode("utf-8", "replace")


def atoms_of(resp, req, environ, request_time, user, stamp):
    """-> a plain dict; request_time is a timedelta."""
    status = resp.status
    if isinstance(status, str):
        status = status.split(None, 1)[0] if status else "-"
    sent = getattr(resp, "sent", None)
    micros = request_time.seconds * 1000000 + request_time.microseconds
    target, query = environ.get("RAW_URI", "-"), environ.get("QUERY_STRING")
    method, protocol = environ.get("REQUEST_METHOD", "-"), environ.get("SERVER_PROTOCOL", "-")
    atoms = {
        "h": environ.get("REMOTE_ADDR", "-"),
        "l": "-",
        "u": user or "-",
        "t": stamp,
        "r": f"{method} {target} {protocol}",
        "s": "-" if status is None else status,
        "m": method,
        "U": environ.get("PATH_INFO"),
        "q": query,
        "H": protocol,
        "b": "-" if sent is None else str(sent),
        "B": sent,
        "f": environ.get("HTTP_REFERER", "-"),
        "a": environ.get("HTTP_USER_AGENT", "-"),
        "T": request_time.seconds,
        "D": micros,
        "M": micros // 1000,
        "L": f"{request_time.seconds}.{request_time.microseconds:06d}",
        "p": f"<{os.getpid()}>",
    }
    inward = getattr(req, "headers", req)
    atoms.update([(f"{{{name.lower()}}}i", value) for name, value in _pairs(inward)])
    atoms.update([(f"{{{name.lower()}}}o", value) for name, value in _pairs(resp.headers)])
    atoms.update([(f"{{{name.lower()}}}e", value) for name, value in environ.items()])
    return atoms


def _pairs(fields):
    """Fields are pairs or a mapping; the last of a name counts, as it does in the engine."""
    pairs = list(fields.items() if hasattr(fields, "items") else fields or ())
    if pairs and isinstance(pairs[0][0], bytes):  # as ASGI has them
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]
    return pairs
