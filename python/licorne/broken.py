"""The application that stands in for one with a syntax error, while `reload` waits for its mending:
whoever develops it looks at a browser, not at the log."""

import traceback


def page_for(error):
    """-> a WSGI callable that answers everything with 500 and the traceback"""
    body = "".join(traceback.format_exception(error)).encode("utf-8", "replace")
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]

    def application(environ, start_response):
        start_response("500 Internal Server Error", headers)
        return [body]

    return application
