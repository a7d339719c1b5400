"""An application whose import waits until somebody writes into the pipe $GATE."""

import os

with open(os.environ["GATE"]) as gate:
    gate.read()


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
