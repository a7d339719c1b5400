"""The WSGI applications of the bench: as little Python as each case allows.

They do what an application must (status, type, length, one body), so that the figures are the
server's. The bodies are made once, the huge one when it is first
asked for: the bench measures servers, not `bytes * n`, and memory without them.
"""

HELLO = b"Hello, World!"
BIG = b"x" * 102_400
HUGE_SIZE = 10 << 20

TEXT = ("Content-Type", "text/plain")
HELLO_HEADERS = [TEXT, ("Content-Length", str(len(HELLO)))]
BIG_HEADERS = [TEXT, ("Content-Length", str(len(BIG)))]
HUGE_HEADERS = [TEXT, ("Content-Length", str(HUGE_SIZE))]


def hello(environ, start_response):
    start_response("200 OK", list(HELLO_HEADERS))
    return [HELLO]


def echo(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response(
        "200 OK",
        [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))],
    )
    return [body]


def big(environ, start_response):
    start_response("200 OK", list(BIG_HEADERS))
    return [BIG]


made = {}


def huge(environ, start_response):
    start_response("200 OK", list(HUGE_HEADERS))
    return [made.get("huge") or made.setdefault("huge", b"x" * HUGE_SIZE)]


ROUTES = {"/echo": echo, "/big": big, "/huge": huge}


def mixed(environ, start_response):
    """All of them behind one server: what slow_clients.py attacks while it measures hello."""
    return ROUTES.get(environ["PATH_INFO"], hello)(environ, start_response)
