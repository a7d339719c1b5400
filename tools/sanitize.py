"""The sanitizers: `./dev asan [--ci] [pytest args]` and `./dev tsan [seconds]`.

asan: the C hosts and the whole server, in two builds. The C units and corpora run bare, with every
leak an error. The extension needs the sanitizers' libraries before anything else in the server's
process, so they are preloaded. Each process writes what it finds into a file, and any file that
speaks of us fails the verb: a leak in a worker would change nothing that a test sees. Leaks that
are the interpreter's own are suppressed by name in tools/lsan.supp; the nameless ones of a stripped
interpreter are passed over.

--ci runs the fixed part of the black-box suite, marked asan_ci; without it, all of tests/blackbox.

tsan: a worker in a C host, src/engine/test/stress_worker.c, for 20 seconds or as many as are given.
Further arguments are its own, like --seed N. CPython is not built for ThreadSanitizer, so the
extension does not run under it.
"""

import re
import shutil
import subprocess
import sys

import devkit
from devkit import BUILD, ROOT, VENV, Failed, run, say

OPTIONS = (
    "-Db_sanitize=address,undefined",
    "-Db_lundef=false",
    "-Dbuildtype=debugoptimized",
    "-Ddebug_checks=true",
)
TSAN_BUILD = (
    "-Db_sanitize=thread",
    "-Db_lundef=false",
    "-Dbuildtype=debugoptimized",
    "-Ddebug_checks=true",
    "-Dtests=true",
    "-Dextension=false",
)
TSAN = "halt_on_error=1:second_deadlock_stack=1"
STRESS = "src/engine/test/stress_worker"
UBSAN = "print_stacktrace=1:halt_on_error=1"
ASAN = "detect_leaks=1:strict_string_checks=1"
REPORTS = BUILD / "asan-reports"
OURS = re.compile(r"_engine\.[\w.-]*so|\bsrc/[a-z0-9]+/\w+\.[ch]\b")
# A frame of the interpreter that has a name: "#1 0x4f71b9 in PyDict_Copy (/usr/bin/python3.11+...".
NAMED = re.compile(r"#[1-9] 0x[0-9a-f]+ in \S+ .*(?:python|Python|Objects/|Modules/)")


def units():
    """C units and corpus replay; every leak counts."""
    with devkit.locked("asan-units"):
        where = devkit.meson_setup("asan-units", *OPTIONS, "-Dtests=true", "-Dextension=false")
        devkit.ninja(where)
        say("C units and corpora under ASan, UBSan, LeakSanitizer")
        run(
            [
                VENV / "bin/meson",
                "test",
                "-C",
                where,
                "--print-errorlogs",
                "--timeout-multiplier=4",
            ],
            ASAN_OPTIONS=ASAN,
            UBSAN_OPTIONS=UBSAN,
        )


def library(name):
    """The path of one of gcc's sanitizer libraries."""
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if "/" not in found:
        raise Failed(f"gcc has no {name}")
    return found


def site():
    """A sanitized build of the package in a folder of its own, to go before the installed one."""
    name = f"asan-{devkit.TAG}"
    target = BUILD / name / "site"
    with devkit.locked(name):
        where = devkit.meson_setup(
            name,
            *OPTIONS,
            f"-Dpython.platlibdir={target}",
            f"-Dpython.purelibdir={target}",
            CC="gcc",
        )
        devkit.ninja(where)
        shutil.rmtree(target, ignore_errors=True)
        devkit.quietly([VENV / "bin/meson", "install", "-C", where, "--no-rebuild"])
    return target


def preload(target):
    """The environment in which any Python process loads the sanitized extension."""
    # From 3.12 on interned strings are never freed.
    supp = ROOT / ("tools/lsan.supp" if sys.version_info < (3, 12) else "tools/lsan-3.12.supp")
    log = f"log_path='{REPORTS / 'report'}'"
    return {
        "PYTHONPATH": target,
        # tests/support preloads these into the servers alone: pytest and the proxies stay fast.
        "LICORNE_SANITIZE": "1",
        "LICORNE_PRELOAD": f"{library('libasan.so')}:{library('libubsan.so')}",
        # An error aborts; a leak leaves the exit status alone, since tests look at it.
        "ASAN_OPTIONS": f"{ASAN}:abort_on_error=1:exitcode=0:{log}",
        "UBSAN_OPTIONS": UBSAN,
        "LSAN_OPTIONS": f"suppressions='{supp}':print_suppressions=0",
        # Every object from malloc, so that the sanitizer sees each of them.
        "PYTHONMALLOC": "malloc",
    }


def findings(report):
    """The parts of a process's report that count: every error, and leaks with our frames."""
    if "LeakSanitizer: detected memory leaks" not in report:
        return [report]
    leaks = re.split(r"\n\n(?=(?:Direct|Indirect) leak)", report)[1:]
    return [leak for leak in leaks if OURS.search(leak) or NAMED.search(leak)]


def judge():
    """Fails when any process of the suite left a finding."""
    bad = 0
    for path in sorted(REPORTS.iterdir()):
        found = findings(path.read_text(errors="replace"))
        if found:
            bad += 1
            print(f"--- {path.relative_to(ROOT)}", *found, sep="\n")
    if bad:
        raise Failed(f"{bad} processes reported something, see build/asan-reports/")


def suite(chosen):
    """The black-box suite, or what was chosen of it, with the sanitized extension."""
    devkit.install()
    env = preload(site())
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    REPORTS.chmod(0o1777)  # workers may run as another user
    say("black-box suite under ASan, UBSan, LeakSanitizer")
    code = devkit.status([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen], **env)
    judge()
    if code != 0:
        raise Failed(f"pytest ended with status {code}")


def main(args):
    """--ci takes the fixed part; other arguments are pytest's and skip the units."""
    if "--ci" in args:
        units()
        suite(["-m", "asan_ci", "tests/blackbox"])
    elif args:
        suite(args)
    else:
        units()
        suite(["tests/blackbox"])


def tsan(args):
    """A worker's stress under ThreadSanitizer; its last line tells what was done."""
    seconds = args[0] if args and args[0].isdigit() else "20"
    rest = args[1:] if args and args[0].isdigit() else args
    with devkit.locked("tsan"):
        where = devkit.meson_setup("tsan", *TSAN_BUILD)
        devkit.ninja(where, STRESS)
    run([where / STRESS, "--seconds", seconds, *rest], TSAN_OPTIONS=TSAN)
