"""The `licorne` command: read the configuration, then become the master.

Exit status: 0 fine, 1 a bad configuration or a failed start, 2 a command line that cannot be read,
3 and 4 from the master when a worker or the application cannot be loaded.
"""

import os
import sys
from functools import partial

from licorne import SERVER_SOFTWARE, __version__, environment
from licorne.config import cmdline, loader
from licorne.errors import ConfigError, UsageError
from licorne.start import Start


def main(argv=None):
    """Entry point of the console script. Always leaves by SystemExit."""
    start = Start()
    prog = _prog()
    words = sys.argv[1:] if argv is None else argv
    usage = f"usage: {prog} [OPTIONS] [APP_MODULE]"
    try:
        lines = loader.parse_all(words, os.environ)
        special = next(filter(None, [line.special for line in lines]), None)
        if special == cmdline.HELP:
            print(cmdline.help_text(usage))
            sys.exit(0)
        if special == cmdline.VERSION:
            print(f"{prog} (version {__version__})")
            sys.exit(0)
        start.read = partial(read, words)
        config, uri = start.read()
    except UsageError as error:
        print(f"{usage}\n{prog}: error: {error}", file=sys.stderr)
        sys.exit(2)
    except ConfigError as error:
        fail(error)

    os.environ["SERVER_SOFTWARE"] = SERVER_SOFTWARE
    loader.enter_pythonpath(config)
    if config.print_config:
        print(config)
    if config.print_config or config.check_config:
        sys.exit(check_application(uri))
    sys.exit(_serve(prog, config, uri, start))


def read(words):
    """-> (Config, application)"""
    config, args = loader.load(words)
    uri = args[0] if args else config.wsgi_app
    if not uri:
        raise ConfigError("No application module specified.")
    return config, uri


def _serve(prog, config, uri, start):
    from licorne.master import Master

    try:
        _leave_the_shell(config)
        return Master(config, uri, start, name=prog).run()
    except ConfigError as error:
        fail(error)
    except KeyboardInterrupt:  # before the C master took the signals over
        return 130


def _leave_the_shell(config):
    """What makes another process of this one, before anything is opened."""
    if config.worker_tmp_dir and not os.path.isdir(config.worker_tmp_dir):
        raise ConfigError(f"{config.worker_tmp_dir} doesn't exist. Can't create workertmp.")
    environment.variables(config.raw_env)  # a daemon has nobody to tell
    if config.spew:
        from licorne import spew

        spew.start()
    if config.daemon:
        from licorne import daemon

        daemon.daemonize(config.enable_stdio_inheritance)


def fail(error):
    if error.lead:
        print(error.lead, file=sys.stderr)
    if str(error):
        print(f"\nError: {error}", file=sys.stderr)
    sys.stderr.flush()
    sys.exit(1)


def check_application(uri):
    """Import the application as a worker would. -> exit status"""
    from licorne.app.loader import import_app

    try:
        import_app(uri)
    except Exception:
        import traceback

        sys.stdout.flush()
        print("\nError while loading the application:\n", file=sys.stderr)
        traceback.print_exc()
        return 1
    return 0


def _prog():
    """The name the command was called by: logs and messages carry it."""
    name = os.path.basename(sys.argv[0])
    return "licorne" if name in ("__main__.py", "-c", "-m", "") else name
