"""Adds a handler to the access log while it is imported."""

import logging
import os

logging.getLogger("gunicorn.access").addHandler(
    logging.FileHandler(os.path.join(os.environ["TEST_DIR"], "mine"))
)


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
