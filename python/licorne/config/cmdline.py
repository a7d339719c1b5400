"""Reads a command line by the table of settings.

The rules and messages are argparse's: `--flag value`, `--flag=value`, `-w4`, abbreviations, options
and positionals in any order, `--`. It is not used itself because to import it and build a hundred
options is a tenth of what a start may take, and because it cannot give one group of flags the first
say on an abbreviation.
"""

from licorne.config.nearest import nearest
from licorne.config.settings import BY_NAME, is_later_default
from licorne.errors import UsageError

HELP, VERSION = "help", "version"


class Special:
    __slots__ = ("name", "flags")
    own = takes_value = False

    def __init__(self, name, flags):
        self.name = name
        self.flags = flags


class CommandLine:
    """What was given: `values` by setting name, and the positional `args`."""

    __slots__ = ("values", "args", "special", "origin")

    def __init__(self):
        self.values = {}
        self.args = []
        self.origin = "command line"
        self.special = None  # HELP or VERSION, whichever came first


def _flag_table():
    rows = [Special(HELP, ["-h", "--help"]), Special(VERSION, ["-v", "--version"])]
    rows += BY_NAME.values()
    return {flag: row for row in rows for flag in row.flags}


def parse(words):
    table = _flag_table()
    line = CommandLine()
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            line.args += words
            break
        if not _is_option(word):
            line.args.append(word)
            continue
        row, value = _find(table, word)
        if row.name in (HELP, VERSION):
            line.special = row.name
            break
        if not row.kind.takes_value:
            _refuse_value(row, value, word, words)
        elif value is None:
            if not words or _is_option(words[0]):
                raise UsageError(f"argument {_spell(row)}: expected one argument")
            value = words.pop(0)
        _store(line, row, value)
    return line


def _is_option(word):
    """A lone '-', a negative number and anything with a space are values, as for argparse."""
    if len(word) < 2 or word[0] != "-" or " " in word:
        return False
    return not word[1:].replace(".", "", 1).isdigit()


def _spell(row):
    return "/".join(row.flags)


def _find(table, word):
    """-> (row, the value glued to the flag, or None)"""
    if word in table:
        return table[word], None
    flag, equals, value = word.partition("=")
    value = value if equals else None
    if flag in table:
        return table[flag], value
    if not word.startswith("--"):
        if word[:2] in table:
            return table[word[:2]], word[2:]
        raise UsageError(f"unrecognized arguments: {word}")
    return _abbreviated(table, flag, word), value


def _abbreviated(table, flag, word):
    for own in (False, True):
        fits = [name for name, row in table.items() if name.startswith(flag) and row.own is own]
        if len(fits) > 1:
            raise UsageError(f"ambiguous option: {word} could match {', '.join(fits)}")
        if fits:
            return table[fits[0]]
    near = nearest(flag.replace("-", "_"), [name.replace("-", "_") for name in table])
    hint = f" (did you mean {near.replace('_', '-')}?)" if near else ""
    raise UsageError(f"unrecognized arguments: {word}{hint}")


def _refuse_value(row, value, word, words):
    """A flag takes no value; but `-Dx` is `-D -x`."""
    if value is None:
        return
    if word.startswith("--") or "=" in word:
        raise UsageError(f"argument {_spell(row)}: ignored explicit argument {value!r}")
    words.insert(0, "-" + value)


def _store(line, row, value):
    kind = row.kind
    if kind.action in ("true", "false"):
        value = kind.action == "true"
    elif kind.cli:
        try:
            value = kind.cli(value)
        except ValueError:
            raise UsageError(
                f"argument {_spell(row)}: invalid {kind.cli_name} value: {value!r}\n"
                f"{row.name} {kind.allowed}"
            ) from None
    if row.is_later and not _is_default(row, value):
        raise UsageError(
            f"argument {_spell(row)}: this version of licorne does not have this setting yet"
            + (f" (it accepts only the default, {row.default!r})" if kind.takes_value else "")
        )
    if kind.action == "append":
        line.values.setdefault(row.name, []).append(value)
    else:
        line.values[row.name] = value


def _is_default(row, value):
    try:
        return is_later_default(row.name, value)
    except (TypeError, ValueError):  # of the wrong type even
        return False


def help_text(usage):
    from textwrap import wrap

    lines = [usage, "", "options:", "  -h, --help", "  -v, --version"]
    section = None
    for row in sorted(BY_NAME.values(), key=lambda row: row.section):
        if not row.flags or row.is_later:
            continue
        if row.section != section:
            section = row.section
            lines += ["", section + ":"]
        value = " " + row.name.upper() if row.kind.takes_value else ""
        lines.append("  " + ", ".join(flag + value for flag in row.flags))
        lines += wrap(f"{row.help} [{row.default}]", 92, initial_indent=" " * 8,
                      subsequent_indent=" " * 8)  # fmt: skip
    return "\n".join(lines)
