"""Bind addresses: Gunicorn's spellings, as tuples.

HOST:PORT  HOST  :PORT  [V6]:PORT  tcp://HOST:PORT      -> ("tcp", host, port, family)
unix:PATH  unix:///PATH                                 -> ("unix", path)
fd://N                                                  -> ("fd", number)
"""

import _socket as socket

DEFAULT_PORT = 8000


def parse_address(text):
    text = text.strip()
    if text.startswith("fd://"):
        return ("fd", _number(text[5:], "file descriptor", None))
    if text.startswith("unix:"):
        path = text[5:]
        path = path[2:] if path.startswith("//") else path
        if not path:
            raise ValueError(f"{text!r} names no path.")
        return ("unix", path)
    text = text.removeprefix("tcp://")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or rest and not rest.startswith(":"):
            raise ValueError(f"{text!r} is not a valid address.")
        port = rest[1:] if rest else None
    else:
        host, colon, port = text.partition(":")
        if not colon:
            port = None
        elif ":" in port:
            raise ValueError(f"{text!r} is not a valid address: write IPv6 as [{text}]:PORT.")
        elif "/" in port:
            raise ValueError(f"{port!r} is not a valid port number.")
    number = DEFAULT_PORT if port is None else _number(port, "port number", 65535)
    if not host and port is None:
        host = "0.0.0.0"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return ("tcp", host.lower(), number, family)


def _number(word, what, highest):
    if not (word.isascii() and word.isdigit()) or (highest and int(word) > highest):
        raise ValueError(f"{word!r} is not a valid {what}.")
    return int(word)
