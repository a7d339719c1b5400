"""Runs one server's command line many times, each in a fork of a process that has imported it.

Usage: batch.py licorne|gunicorn < cases > results, both JSON lists. A case has `cwd`, `argv` and
`env`; a result has `status`, `out` and `err`. A fresh interpreter for each case would take a
hundred times as long.
"""

import json
import os
import sys
import tempfile
import traceback


def main():
    name = sys.argv[1]
    cases = json.load(sys.stdin)
    warm(name)
    json.dump([run(name, case) for case in cases], sys.stdout)


def warm(name):
    if name == "gunicorn":
        import gunicorn.app.wsgiapp  # noqa: F401

        # These read the environment when they are imported.
        for module in [m for m in sys.modules if m.startswith(("gunicorn.app", "gunicorn.config"))]:
            del sys.modules[module]
    else:
        import licorne.cli  # noqa: F401


def run(name, case):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(child(name, case))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
        return {"status": status, "out": texts[0], "err": texts[1]}


def child(name, case):
    try:
        os.chdir(case["cwd"])
        os.environ.clear()
        os.environ.update(case["env"])
        sys.argv = [name, *case["argv"]]
        sys.path[0] = os.path.dirname(os.__file__)  # not this folder
        begin(name)()
        return finish(0)
    except SystemExit as stop:
        if stop.code is not None and not isinstance(stop.code, int):
            print(stop.code, file=sys.stderr)
            return finish(1)
        return finish(stop.code or 0)
    except BaseException:
        traceback.print_exc()
        return finish(1)


def begin(name):
    if name == "gunicorn":
        from gunicorn.app.wsgiapp import run

        return run
    from licorne.cli import main

    return main


def finish(status):
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    main()
