"""`./dev lint`: everything that reads the code without running it."""

import shutil
import sys

import csource
import devkit
from devkit import ROOT, VENV, Failed, run, say

GATES = ("layers", "size", "banned", "tests")
PYTHON = ("python", "tools", "tests", "bench", "examples", "fuzz")
COMPILERS = ("gcc", "clang")


def gates():
    """The house's own rules; all are judged before the first failure ends the verb."""
    failed = [name for name in GATES if devkit.status([sys.executable, f"tools/check_{name}.py"])]
    if failed:
        raise Failed(f"gates: {', '.join(failed)}")


def python_style():
    """ruff over every folder that holds Python."""
    ruff = VENV / "bin/ruff"
    where = [name for name in PYTHON if (ROOT / name).exists()]
    run([ruff, "check", "-q", *where])
    run([ruff, "format", "-q", "--check", *where])


def c_files():
    """The C files that people write; what a generator writes says so in its first line."""
    for path, _ in csource.sources(ROOT, "src", "fuzz"):
        with open(path) as file:
            if "do not edit" not in file.readline():
                yield path


def c_style(*mode):
    """clang-format, where the machine has it."""
    if shutil.which("clang-format") is None:
        say("clang-format is not here: the C layout was left alone")
        return
    files = list(c_files())
    if files:
        run(["clang-format", *mode, *files])


def reformat(_args):
    """`./dev format`: lays out C and Python as lint wants it."""
    ruff = VENV / "bin/ruff"
    where = [name for name in PYTHON if (ROOT / name).exists()]
    run([ruff, "check", "-q", "--fix-only", *where])
    run([ruff, "format", "-q", *where])
    c_style("-i")


def builds():
    """Every target, tests included, with warnings as errors, by both compilers."""
    for compiler in COMPILERS:
        if shutil.which(compiler) is None:
            say(f"{compiler} is not here: no warnings from it")
            continue
        with devkit.locked(f"lint-{compiler}"):
            where = devkit.meson_setup(
                f"lint-{compiler}", "-Dtests=true", "-Dwerror=true", CC=compiler
            )
            devkit.ninja(where, "all", "meson-test-prereq")
        say(f"{compiler}: no warnings")


def stubs():
    """The hand-written stub of the extension must say what the extension has."""
    if not (ROOT / "python/licorne/_engine.pyi").exists():
        return
    devkit.install()
    run([sys.executable, "-m", "mypy.stubtest", "licorne._engine", "--ignore-missing-stub"])


def main(_args):
    """All of it, cheap parts first."""
    gates()
    python_style()
    c_style("--dry-run", "--Werror")
    builds()
    stubs()
