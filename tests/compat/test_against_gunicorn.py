"""The same command lines, files and environments through Licorne and through real Gunicorn."""

import json
import os
import re
import subprocess
import sys

import pytest
from licorne.config import settings
from support import config_corpus, real_gunicorn
from support.clock import deadline
from support.server import TESTS, command

pytestmark = pytest.mark.licorne_only  # it runs both by itself

CASES = list(config_corpus.cases())
IDS = [name for name, *_ in CASES]

# Settings whose value differs, and why. What a user could notice stands in docs/COMPAT.md.
DIFFERENT = {
    "keepalive": "another default",
    "control_socket": "the default's file name is the server's own",
}
HOOKS = {row.name for row in settings.BY_NAME.values() if row.section.endswith("Hooks")}

# Cases with another outcome, as docs/COMPAT.md has them.
REFUSED_HERE = {"{'PORT': ''}": "'' is not a valid port number."}
OTHER_VALUES = {"header_map = None": {"header_map": "drop"}}

# Settings whose errors are told in other words: the value is named, and what is allowed.
OTHER_WORDS = {"http_parser", "chdir", *(row.name for row in settings.PENDING)}


def run(kind, places, path):
    """-> a result for each case"""
    batch = []
    for (_, argv, _, environment), place in zip(CASES, places, strict=True):
        words = argv.split()
        if not {"-v", "--version", "--help"} & set(words):
            words.insert(0, "--print-config")
        environment = {"PATH": os.defpath, "HOME": "/nonexistent", **environment}
        batch.append({"cwd": str(place), "argv": words, "env": environment})
    done = subprocess.run(
        [sys.executable, str(TESTS / "support/batch.py"), kind],
        input=json.dumps(batch),
        capture_output=True,
        text=True,
        timeout=deadline(100),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(path)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """{case: (Gunicorn's result, Licorne's)}"""
    theirs = real_gunicorn.path()
    if theirs is None:
        pytest.skip("Gunicorn cannot be installed from here")
    if "LICORNE_COMMAND" in os.environ and command()[0] != sys.executable:
        pytest.skip("Licorne is not in this interpreter")
    places = []
    for _, _, conf, _ in CASES:
        places.append(tmp_path_factory.mktemp("case"))
        (places[-1] / "app.py").write_text("def app(environ, start_response): pass\n")
        (places[-1] / "other.py").write_text("workers = 4\n")
        if conf is not None:
            (places[-1] / "gunicorn.conf.py").write_text(conf)
    ours = run("licorne", places, os.environ.get("PYTHONPATH", ""))
    return dict(zip(IDS, zip(run("gunicorn", places, theirs), ours, strict=True), strict=True))


def values(text):
    return dict(re.findall(r"^(\w+) += (.*)$", text, re.MULTILINE))


def complaint(text):
    """What was said to be wrong, without where it came from."""
    lines = re.findall(r"^(?:Error: |Failed to read |\w+: error: ).*$", text, re.MULTILINE)
    return [re.sub(r"^\w+: error", "error", line) for line in lines[:1]]


@pytest.mark.parametrize("case", IDS)
def test_same_values_and_same_refusals(results, case):
    theirs, ours = results[case]
    missing = re.search(r"does not have th(?:e|is) setting(?: '(\w+)')? yet", ours["err"])
    if missing and (missing[1] is None or settings.BY_NAME[missing[1]].is_later):
        pytest.skip("not in this version")
    if case in REFUSED_HERE:
        assert (theirs["status"], ours["status"]) == (0, 1)
        assert REFUSED_HERE[case] in ours["err"]
        return
    assert theirs["status"] == ours["status"], (theirs["err"], ours["err"])
    if "Traceback" not in theirs["err"] and case.partition(" = ")[0] not in OTHER_WORDS:
        assert complaint(theirs["err"]) == complaint(ours["err"])[: len(complaint(theirs["err"]))]
    wanted, found = values(theirs["out"]), values(ours["out"])
    if not wanted:
        return
    wanted.update(OTHER_VALUES.get(case, {}))
    for name, value in wanted.items():
        row = settings.BY_NAME[name]
        is_unset_hook = name in HOOKS and found[name] == "None"
        if not (name in DIFFERENT or is_unset_hook or name in settings.LATER):
            assert found[name] == value, row.name


def test_every_setting_of_gunicorns_is_printed(results):
    theirs, ours = results["nothing"]
    assert len(values(theirs["out"])) == 120
    assert not values(theirs["out"]).keys() - values(ours["out"]).keys()
