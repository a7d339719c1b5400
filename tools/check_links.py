"""Refuses links of the Markdown pages that lead nowhere in the tree: files and headings.

Usage: check_links.py [ROOT]. Links to other sites are not followed: a page must not turn red
because somebody else's server is down.
"""

import re
import sys
from pathlib import Path

import csource

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)


def anchors(text):
    """The anchors that a page's headings make."""
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        yield plain.replace(" ", "-")


def check(root):
    """All dead links below root."""
    dead = []
    for page, name in csource.sources(root, "", suffixes=(".md",)):
        if name.startswith("build/"):
            continue
        text = CODE.sub("", FENCE.sub("", page.read_text()))
        for link in LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            if not target.exists():
                dead.append(f"{name}: {link}: no such file")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
                dead.append(f"{name}: {link}: no such heading")
    return dead


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else csource.ROOT
    sys.exit(csource.report("links", check(where)))
