"""The command line where no server is started."""

import subprocess
import sys

import pytest
from support.clock import deadline
from support.server import command, environment


def run(*args, **kw):
    return subprocess.run(
        [*command(), *args],
        capture_output=True,
        text=True,
        cwd="/",
        timeout=deadline(30),
        env=environment(),
        **kw,
    )


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_version(flag, under_licorne):
    done = run(flag)
    assert done.returncode == 0
    name = "licorne" if under_licorne else "gunicorn"
    assert done.stdout.startswith(f"{name} (version ") and done.stdout.endswith(")\n")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(flag):
    done = run(flag)
    assert done.returncode == 0
    for word in ("--bind", "--workers", "--limit-request-line", "usage:"):
        assert word in done.stdout


@pytest.mark.licorne_only
def test_help_shows_licornes_own_flags():
    text = run("--help").stdout
    for name in (
        "limit_request_body",
        "body_memory",
        "body_file",
        "response_memory",
        "response_file",
        "header_timeout",
        "body_min_rate",
        "send_min_rate",
        "min_rate_window",
        "strict_host",
    ):
        assert "--" + name.replace("_", "-") in text, name
    assert "--no-body-buffering" in text


def test_check_config():
    done = run("--check-config", "shapes:app")
    assert done.returncode == 0, done.stderr
    done = run("--check-config", "shapes:missing")
    assert done.returncode != 0


def test_check_config_of_a_bad_value():
    done = run("--check-config", "--workers", "-1", "shapes:app")
    assert done.returncode != 0


def test_print_config():
    done = run("--print-config", "--workers", "7", "--keep-alive", "9", "shapes:app")
    assert done.returncode == 0, done.stderr
    lines = dict(
        map(str.strip, line.split("=", 1)) for line in done.stdout.splitlines() if "=" in line
    )
    assert lines["workers"] == "7" and lines["keepalive"] == "9"
    assert lines["bind"] == "['127.0.0.1:8000']"


@pytest.mark.parametrize(
    "args",
    [
        ["--log-lev", "debug"],
        ["--workers=2"],
        ["-w2"],
        ["-b:9999"],
        ["--limit-request-field_size=9"],
    ],
)
def test_spellings(args):
    """Abbreviations, joined values and the one flag with an underscore."""
    assert run("--check-config", *args, "shapes:app").returncode == 0


def test_settings_from_the_environment():
    done = subprocess.run(
        [*command(), "--print-config", "shapes:app"],
        capture_output=True,
        text=True,
        cwd="/",
        timeout=deadline(30),
        env=environment(extra={"GUNICORN_CMD_ARGS": "--keep-alive 33", "WEB_CONCURRENCY": "5"}),
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[words.index("keepalive") + 2] == "33"
    assert words[words.index("workers") + 2] == "5"


@pytest.mark.licorne_only
def test_command_and_module_are_one():
    module = subprocess.run(
        [sys.executable, "-m", "licorne", "--version"],
        capture_output=True,
        text=True,
        timeout=deadline(30),
        env=environment(),
    )
    assert module.returncode == 0
    assert module.stdout == run("--version").stdout
