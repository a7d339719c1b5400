"""Writes docs/reference/settings.md from the table of settings.

Usage: gen_docs.py [--check]. The page is kept in the tree, so that it can be read without a build;
--check writes nothing and fails when it is not what the table says.
"""

import sys

import csource

sys.path.insert(0, str(csource.ROOT / "python"))

from licorne.config import settings  # the checkout's own table, not an installed one

PAGE = csource.ROOT / "docs/reference/settings.md"
INTRO = """\
# Settings

<!-- Written by tools/gen_docs.py from python/licorne/config/settings.py; ./dev docs renews it. -->

A setting is a name in the configuration file, and most have a flag. Where a value may come from,
and which source wins, is in [Configuration](../guide/configuration.md). What a limit does when it
is met is in [Limits](../LIMITS.md).

*Own*: Gunicorn has no such setting.
"""
LATER_INTRO = """
## Not in this version

These settings of Gunicorn are known and not acted on yet. Each is accepted at its default, so that
a file which spells out defaults can be used; any other value is refused with a message that names
it.
"""
SPECIAL_DEFAULTS = {
    "chdir": "the current directory",
    "sendfile": "`$SENDFILE`, else True",
}


def cell(text):
    """A table cell: nothing in it may end the cell."""
    return text.replace("|", "\\|")


def default_of(setting):
    """The default in words, with the environment variable that may replace it."""
    text = SPECIAL_DEFAULTS.get(setting.name) or f"`{setting.default!r}`"
    variable = settings.ENVIRONMENT.get(setting.name)
    return f"`${variable}`, else {text}" if variable else text


def entry(setting):
    """One setting: heading, facts, help."""
    facts = [f"Default: {default_of(setting)}"]
    if setting.flags:
        facts.insert(0, "Flag: " + ", ".join(f"`{flag}`" for flag in setting.flags))
    else:
        facts.insert(0, "Configuration file only")
    if setting.own:
        facts.append("*own*")
    allowed = setting.kind.allowed.strip()
    return f"### {setting.name}\n\n{' · '.join(facts)}\n\n{setting.help} It {allowed}\n"


def sections():
    """The settings by section, in the table's order."""
    by_section = {}
    for setting in settings.SETTINGS:
        by_section.setdefault(setting.section, []).append(setting)
    for name, rows in by_section.items():
        yield f"## {name}\n\n" + "\n".join(entry(row) for row in rows)


def later():
    """The table of what is only accepted at its default."""
    rows = ["| setting | flag | default | |", "|---|---|---|---|"]
    for setting in settings.BY_NAME.values():
        if setting.is_later:
            spelled = ", ".join(f"`{flag}`" for flag in setting.flags)
            default = cell(f"`{setting.default!r}`")
            rows.append(f"| {setting.name} | {spelled} | {default} | {cell(setting.help)} |")
    return "\n".join(rows) + "\n"


def page():
    """The whole page."""
    return INTRO + "\n" + "\n".join(sections()) + LATER_INTRO + "\n" + later()


def main(args):
    """Writes the page, or says whether it is fresh."""
    text = page()
    if "--check" in args:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        print(f"{PAGE.relative_to(csource.ROOT)} is not what the table says: run ./dev docs")
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
