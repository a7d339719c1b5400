"""The verbs of ./dev. The shell script of that name prepares the environment and then runs this."""

import os
import sys

import devkit
import fuzzing
import lint
import sanitize
import verify
from devkit import BUILD, ROOT, VENV, Failed, run, say


def verb_build(_args):
    """Builds and installs into the environment."""
    devkit.install()


def verb_run(args):
    """Serves the demo application, with whatever options are given."""
    devkit.install()
    demo = ROOT / "examples/demo"
    if not (demo / "app.py").exists():
        raise Failed("examples/demo/app.py is not there")
    bind = "127.0.0.1:8000"
    chosen = any(
        arg in ("-b", "-c") or arg.startswith(("--bind", "--config", "-b")) for arg in args
    )
    command = [str(VENV / "bin/licorne"), "--chdir", str(demo)]
    if not chosen:
        command += ["--bind", bind]
        say(f"the demo will be at http://{bind}/ (stop with Ctrl-C)")
    os.execve(command[0], [*command, *args, "app:app"], devkit.environment())


def units():
    """C units and corpus replay, with the costly self-checks on and warnings as errors."""
    with devkit.locked("units"):
        where = devkit.meson_setup(
            "units",
            "-Dtests=true",
            "-Dextension=false",
            "-Ddebug_checks=true",
            "-Dbuildtype=debugoptimized",
            "-Dwerror=true",
        )
        devkit.ninja(where)
        run([VENV / "bin/meson", "test", "-C", where, "--print-errorlogs"])


def verb_test(args):
    """Everything, pytest last; with arguments, only the pytest run that they describe."""
    if not args:
        lint.gates()
        units()
    devkit.install()
    run([sys.executable, "-m", "pytest", *args])


def verb_bench(args):
    """Hands over to bench/run.py."""
    devkit.install()
    run([sys.executable, ROOT / "bench/run.py", *args])


def verb_docs(_args):
    """Regenerates what is generated, then checks every link of the pages."""
    run([sys.executable, ROOT / "tools/gen_bounds.py"])
    generator = ROOT / "tools/gen_docs.py"
    if generator.exists():
        devkit.install()
        run([sys.executable, generator])
    run([sys.executable, ROOT / "tools/check_links.py"])


def verb_exec(args):
    """Runs a command inside the environment."""
    if not args:
        raise Failed("exec: which command?")
    devkit.install()
    os.chdir(ROOT)
    os.execvpe(args[0], args, devkit.environment())


VERBS = {
    "asan": sanitize.main,
    "bench": verb_bench,
    "build": verb_build,
    "docs": verb_docs,
    "exec": verb_exec,
    "format": lint.reformat,
    "fuzz": fuzzing.main,
    "lint": lint.main,
    "run": verb_run,
    "test": verb_test,
    "tsan": sanitize.tsan,
    "verify": verify.main,
}


def main():
    """Returns the exit status of the verb."""
    BUILD.mkdir(exist_ok=True)
    try:
        VERBS[sys.argv[1]](sys.argv[2:])
    except Failed as error:
        say(f"{sys.argv[1]}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
