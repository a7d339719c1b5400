"""What the verbs of ./dev share: the checkout, running commands, build folders, the install.

Why `pip install` by stamp and not an editable install: an editable extension looks for changed
sources at each import, in every worker at once, and maps the build system's own modules, which
would spoil every memory figure.
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
VENV = Path(os.environ.get("LICORNE_VENV") or sys.prefix)
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
BUILD_INPUTS = ("src", "python", "meson.build", "meson.options", "pyproject.toml")


class Failed(Exception):
    """A step failed; its text is all that the developer has to read."""


def say(text):
    """Prints a line of ./dev's own, in order with the output of its commands."""
    print(f"dev: {text}", file=sys.stderr, flush=True)


def environment(**extra):
    """The environment of every command: the virtual environment's programs first."""
    env = dict(os.environ)
    env["PATH"] = f"{VENV / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    env["VIRTUAL_ENV"] = str(VENV)
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env.update({name: str(value) for name, value in extra.items()})
    return env


def status(command, **extra):
    """Runs a command in the checkout and returns its exit status."""
    words = [str(word) for word in command]
    return subprocess.call(words, cwd=ROOT, env=environment(**extra))


def run(command, **extra):
    """Runs a command in the checkout; a non-zero status ends the verb."""
    code = status(command, **extra)
    if code != 0:
        raise Failed(f"exit status {code} from: {shlex.join(str(word) for word in command)}")


def quietly(command, **extra):
    """Runs a command whose output matters only when it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise Failed(f"exit status {done.returncode} from: {shlex.join(words)}")


@contextlib.contextmanager
def locked(name):
    """Two ./dev at once in one checkout take turns over a build folder."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / f".{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def files_below(*names):
    """Yields the files of the named paths below the checkout, sorted, caches left out."""
    for name in names:
        path = ROOT / name
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        for item in found:
            if item.is_file() and "__pycache__" not in item.parts:
                yield item


def digest(paths, transform=bytes):
    """A hash over names and contents; transform may drop what does not matter."""
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode() + b"\0")
        total.update(transform(path.read_bytes()) + b"\0")
    return total.hexdigest()


def meson_setup(folder, *options, **env):
    """Configures build/<folder>, or reconfigures it when the options changed."""
    where = BUILD / folder
    stamp = where / ".options"
    wanted = "\n".join([sys.version, *options, *(f"{k}={v}" for k, v in sorted(env.items()))])
    if stamp.exists() and stamp.read_text() == wanted:
        return where
    wipe = ["--wipe"] if (where / "build.ninja").exists() else []
    quietly([VENV / "bin/meson", "setup", *wipe, where, ROOT, *options], **env)
    stamp.write_text(wanted)
    return where


def ninja(where, *targets):
    """Builds; output is shown only when it fails."""
    quietly([VENV / "bin/ninja", "-C", where, *targets])


def install():
    """Builds the wheel into the environment, unless what is installed has the same inputs."""
    stamp = VENV / ".build"
    with locked(f"install-{VENV.name}"):
        wanted = digest(files_below(*BUILD_INPUTS)) + TAG
        if stamp.exists() and stamp.read_text() == wanted:
            return
        say("building and installing licorne")
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        pip += ["--no-build-isolation", "--no-deps", "--force-reinstall"]
        quietly([*pip, f"-Cbuild-dir={BUILD / ('wheel-' + TAG)}", "."])
        stamp.write_text(wanted)
