"""Whether a test may run servers whose workers are another user."""

import importlib.util
import os
import pwd
import subprocess

import pytest

from .server import APPS

NOBODY = pwd.getpwnam("nobody")


def become_nobody():
    os.setgid(NOBODY.pw_gid)
    os.setuid(NOBODY.pw_uid)


def _why_not():
    if os.geteuid() != 0:
        return "only root may run as others"
    package = importlib.util.find_spec("licorne").origin
    words = ["sh", "-c", 'test -r "$1" && test -r "$2"', "sh", APPS / "mechanics.py", package]
    done = subprocess.run(words, preexec_fn=become_nobody, check=False)
    return "others may not read this checkout" if done.returncode else ""


_REASON = _why_not()
may_be_others = pytest.mark.skipif(_REASON != "", reason=_REASON)
