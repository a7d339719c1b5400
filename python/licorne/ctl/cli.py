"""The `licornectl` command: look at a running server, and steer it.

Exit status: 0 done, 1 the server refused or nobody answers, 2 a command line that cannot be read,
130 interrupted.
"""

import argparse
import glob
import json
import os
import sys

from licorne import __version__
from licorne.ctl import text
from licorne.ctl.client import Client, ControlError, NoServer
from licorne.ctl.place import default_path

PROMPT = "licorne> "
EPILOG = """\
Without a command it reads commands, one a line, and 'help' lists them.

  licornectl show requests          what runs now, longest first
  licornectl show workers --json
  licornectl worker add 2
  licornectl -s /run/app.ctl reload
"""


def main(argv=None):
    """Entry point of the console script. Always leaves by SystemExit."""
    options = _parser().parse_args(argv)
    path = options.socket or default_path()
    command = options.command or " ".join(options.words)
    if path is None:
        _fail("there is no home directory; give --socket PATH")
    try:
        status = _converse(path, command, options)
    except NoServer as error:
        status = _fail(error, _others(path))
    except ControlError as error:
        status = _fail(error)
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)


def _parser():
    parser = argparse.ArgumentParser(
        prog="licornectl",
        description="Look at a running server, and steer it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-s",
        "--socket",
        metavar="PATH",
        help="the server's control socket; "
        "default: gunicorn.ctl in $XDG_RUNTIME_DIR, else in $HOME/.gunicorn",
    )
    parser.add_argument("-j", "--json", action="store_true", help="show what the server said")
    parser.add_argument("-c", "--command", metavar="TEXT", help="the command as one word")
    parser.add_argument("-v", "--version", action="version", version=f"licornectl {__version__}")
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="show workers, reload ...")
    return parser


def _converse(path, command, options):
    with Client(path) as client:
        if command:
            return _run(client, command, options)
        return _read_commands(client, options)


def _run(client, command, options):
    """-> exit status"""
    data = client.ask(command)
    print(json.dumps(data, indent=2) if options.json else text.shown(command, data), flush=True)
    is_refused = isinstance(data, dict) and data.get("success") is False
    return 1 if is_refused else 0


def _read_commands(client, options):
    """One a line, until the end; a line that fails does not end it. -> exit status"""
    is_person = sys.stdin.isatty()
    status = 0
    if is_person:
        import readline  # noqa: F401 - input() then edits lines

        print(f"Connected to {client.path}\nType 'help' for commands, 'quit' to leave.\n")
    while True:
        try:
            line = input(PROMPT if is_person else "").strip()
        except EOFError:
            return status
        if line in ("quit", "exit"):
            return status
        if not line:
            continue
        try:
            status = max(status, _run(client, line, options))
        except ControlError as error:
            status = _fail(error)
            if is_person is False or "left" in str(error):
                return status


def _fail(error, more=""):
    print(f"Error: {error}", file=sys.stderr)
    if more:
        print(more, file=sys.stderr)
    return 1


def _others(path):
    """Servers that listen beside it: the second one of a user has its number in the name."""
    stem, dot = os.path.splitext(path)
    found = []
    for other in sorted(glob.glob(f"{glob.escape(stem)}.[0-9]*{glob.escape(dot)}")):
        try:
            Client(other, timeout=1).__exit__()
        except ControlError:
            continue
        found.append(other)
    return f"Others do: {', '.join(found)} (give one by --socket)" if found else ""


if __name__ == "__main__":
    main()
