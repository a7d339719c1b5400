"""Starts the servers that have no command line of their own: launch.py SERVER MODULE:APP PORT."""

import importlib
import sys


def run_bjoern(app, port):
    import bjoern

    bjoern.run(app, "127.0.0.1", port)


def run_fastwsgi(app, port):
    import fastwsgi

    fastwsgi.run(wsgi_app=app, host="127.0.0.1", port=port, loglevel=0)


def main():
    server, target, port = sys.argv[1:]
    module, _, name = target.partition(":")
    app = getattr(importlib.import_module(module), name)
    {"bjoern": run_bjoern, "fastwsgi": run_fastwsgi}[server](app, int(port))


if __name__ == "__main__":
    main()
