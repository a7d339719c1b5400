"""The same command lines, files and environments through Licorne and through real Gunicorn."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from licorne.config import settings
from support import config_corpus, real_gunicorn
from support.clock import deadline
from support.server import TESTS

pytestmark = pytest.mark.licorne_only  # it runs both by itself

CASES = list(config_corpus.cases())
IDS = [name for name, *_ in CASES]

# Settings whose value differs, and why. What a user could notice stands in docs/COMPAT.md.
DIFFERENT = {
    "keepalive": "another default",
    "control_socket": "the default's file name is the server's own",
    "post_request": "the function itself is shown, and not one around it",
}
HOOKS = {row.name for row in settings.BY_NAME.values() if row.section.endswith("Hooks")}

# Cases with another outcome, as docs/COMPAT.md has them.
REFUSED_HERE = {
    "{'PORT': ''}": "'' is not a valid port number.",
    "syslog_facility = None": "Not a string: None",
}
OTHER_VALUES = {"header_map = None": {"header_map": "drop"}}

# Settings whose errors are told in other words: the value is named, and what is allowed.
OTHER_WORDS = {"http_parser", "chdir", "post_request", *(row.name for row in settings.PENDING)}


def run(kind, batch, path):
    """-> a result for each case"""
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


def run_gunicorn(batch, folder):
    """The same, from the last time if nothing it depends on has changed since: it takes long."""
    code = (TESTS / "support/batch.py").read_bytes() + pathlib.Path(
        config_corpus.__file__
    ).read_bytes()
    key = hashlib.sha256(code + f"{sys.version} {os.cpu_count()} {os.geteuid()}".encode())
    kept = folder / f"results-{key.hexdigest()[:16]}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    found = run("gunicorn", batch, folder)
    partial = kept.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(found))
    partial.rename(kept)
    return found


def make_place(place, conf):
    (place / "app.py").write_text("def app(environ, start_response): pass\n")
    (place / "other.py").write_text("workers = 4\n")
    if conf is not None:
        (place / "gunicorn.conf.py").write_text(conf)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """{case: (Gunicorn's result, Licorne's)}"""
    theirs = real_gunicorn.path()
    if theirs is None:
        pytest.skip("Gunicorn cannot be installed from here")
    batch = []
    for _, argv, conf, environment in CASES:
        place = tmp_path_factory.mktemp("case")
        make_place(place, conf)
        words = argv.split()
        if not {"-v", "--version", "--help"} & set(words):
            words.insert(0, "--print-config")
        environment = {"PATH": os.defpath, "HOME": "/nonexistent", **environment}
        batch.append({"cwd": str(place), "argv": words, "env": environment})
    ours = run("licorne", batch, os.environ.get("PYTHONPATH", ""))
    return dict(zip(IDS, zip(run_gunicorn(batch, theirs), ours, strict=True), strict=True))


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
        if name == "chdir" and "--chdir" not in case and "chdir" not in case.partition(" = ")[0]:
            continue  # where the case was run
        if not (name in DIFFERENT or is_unset_hook):
            assert found[name] == value, row.name


def test_every_setting_of_gunicorns_is_printed(results):
    theirs, ours = results["nothing"]
    assert len(values(theirs["out"])) == 120
    assert not values(theirs["out"]).keys() - values(ours["out"]).keys()
