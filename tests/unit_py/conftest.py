"""The Python side alone: no engine, no network beyond a loopback socket."""

import os
import pathlib
import sys

import pytest

try:
    import licorne.config.loader  # noqa: F401
except ImportError:
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty directory as cwd, with cwd, sys.path and environment as they were afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    for name in list(os.environ):
        if name.endswith("_CMD_ARGS") or name in ("PORT", "WEB_CONCURRENCY", "PWD", "SENDFILE"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield tmp_path
    sys.modules.pop("__config__", None)


@pytest.fixture
def write(place):
    """write(name, text) -> the path, in the current directory"""

    def write(name, text):
        path = place / name
        path.write_text(text)
        return str(path)

    return write
