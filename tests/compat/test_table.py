"""Each setting of the table has a test, a reason for having none, or an issue that is to build it."""

import pathlib
import re

import pytest
from licorne.config import settings
from support.server import TESTS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent


def read(name):
    """-> {setting: what its line says}"""
    lines = [line for line in (HERE / name).read_text().splitlines() if line and line[0] != "#"]
    found = dict(line.split(": ", 1) for line in lines)
    assert len(found) == len(lines), f"{name} has a setting twice"
    return found


COVERED, PENDING = read("COVERED"), read("PENDING")


@pytest.mark.parametrize("row", settings.SETTINGS, ids=lambda row: row.name)
def test_setting_is_covered(row):
    assert row.name in COVERED, f"{row.name} has no line in tests/compat/COVERED"
    kind, _, what = COVERED[row.name].partition(" ")
    if kind == "inert":
        assert len(what.split()) > 3, "why?"
        return
    assert kind == "test"
    path, test = what.split("::")
    text = (ROOT / path).read_text().replace(r"\n", "\n")
    assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"{what} is not there"
    # By its name, by a flag, or by the argument of `serve`.
    words = [re.escape(word) for word in (row.name, *row.flags)]
    assert re.search(rf"(?<![\w-])({'|'.join(words)})(?![\w-])", text), f"{path}: no {row.name}"


def test_registry_has_no_other_lines():
    names = {row.name for row in settings.SETTINGS}
    assert [name for name in COVERED if name not in names] == []


def test_pending_settings_name_their_issue():
    assert sorted(PENDING) == sorted(row.name for row in settings.PENDING)
    assert all(PENDING.values())
