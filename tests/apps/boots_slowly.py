"""Takes a second to boot, but for the first worker of a server; answers with its pid."""

import os
import pathlib
import time

MARK = pathlib.Path(os.environ["TEST_DIR"], "booted")

if MARK.exists():
    time.sleep(1)
MARK.touch()


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
