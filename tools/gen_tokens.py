"""Finds a perfect hash for src/http/tokens.def and writes src/http/tokens_hash.h.

The key must be the one of lc_token_find() in src/http/token.c: length and four letters.
`--check` only says (exit 1) that the written file is stale.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

HTTP = Path(__file__).resolve().parent.parent / "src" / "http"
OUT = HTTP / "tokens_hash.h"
BITS = 9
MASK = (1 << 64) - 1


def names() -> list[str]:
    return re.findall(r'^X\(\w+, "([^"]+)"\)', (HTTP / "tokens.def").read_text(), re.M)


def key(name: str) -> int:
    n = len(name)
    letters = [ord(name[i]) | 0x20 for i in (0, n >> 1, n * 3 >> 2, n - 1)]
    return n | sum(c << (8 * i + 8) for i, c in enumerate(letters))


def find_multiplier(keys: list[int]) -> int:
    if len(set(keys)) != len(keys):
        raise SystemExit("two names have one key: change the letters in key() and lc_token_find()")
    rng = random.Random(1)  # the same names give the same file
    while True:
        multiplier = rng.getrandbits(64) | 1
        slots = {(k * multiplier & MASK) >> (64 - BITS) for k in keys}
        if len(slots) == len(keys):
            return multiplier


def render(tokens: list[str]) -> str:
    keys = [key(name) for name in tokens]
    multiplier = find_multiplier(keys)
    table = [0] * (1 << BITS)
    for number, k in enumerate(keys, start=1):
        table[(k * multiplier & MASK) >> (64 - BITS)] = number
    rows = [
        "    " + ", ".join(str(v) for v in table[i : i + 16]) + ","
        for i in range(0, len(table), 16)
    ]
    return (
        "/* Written by tools/gen_tokens.py from tokens.def: do not edit. */\n"
        "#ifndef LC_HTTP_TOKENS_HASH_H\n#define LC_HTTP_TOKENS_HASH_H\n\n#include <stdint.h>\n\n"
        f"#define LC_TOKENS_HASHED {len(tokens) + 1}\n#define LC_TOKENS_BITS {BITS}\n"
        f"#define LC_TOKENS_MULTIPLIER 0x{multiplier:016x}u\n\n"
        f"static const uint8_t lc_tokens_slot[1 << LC_TOKENS_BITS] = {{\n"
        + "\n".join(rows)
        + "\n};\n\n#endif\n"
    )


def main() -> int:
    text = render(names())
    if "--check" in sys.argv[1:]:
        if not OUT.exists() or OUT.read_text() != text:
            print("src/http/tokens_hash.h is stale: run tools/gen_tokens.py", file=sys.stderr)
            return 1
        return 0
    OUT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
