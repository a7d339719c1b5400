"""One WSGI application with a view for everything the black-box tests ask of a server."""

import zoo_children  # noqa: F401  (the modules register their views)
import zoo_input  # noqa: F401
import zoo_process  # noqa: F401
import zoo_respond  # noqa: F401
import zoo_signals  # noqa: F401
import zoo_threads  # noqa: F401
import zoo_wire  # noqa: F401
from zoo_core import COUNTS, VIEWS, count, js, text, view


@view
def ping(environ, start_response):
    return text(start_response, "pong")


@view
def counts(environ, start_response):
    return js(start_response, dict(COUNTS))


def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/").split("/")[0] or "ping"
    count(name)
    found = VIEWS.get(name)
    if found is None:
        return text(start_response, "no such view", "404 Not Found")
    return found(environ, start_response)
