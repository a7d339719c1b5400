"""The promise of tests/verify/asleep.py in one round and with wide bounds, so that it cannot rot unseen."""

import pathlib
import subprocess
import sys

import pytest
from support.clock import deadline
from support.server import environment

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "verify/asleep.py"


@pytest.mark.licorne_only
@pytest.mark.parametrize("options", [(), ("--no-inline",)])
def test_everybody_gets_what_is_due_while_the_application_sleeps(options):
    words = [sys.executable, SCRIPT, "--rounds", "1", "--within-ms", str(deadline(1000)), *options]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
