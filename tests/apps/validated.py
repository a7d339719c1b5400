"""A small application behind wsgiref.validate, which raises at the least breach on either side."""

import sys
import warnings
from wsgiref.validate import validator

warnings.simplefilter("error")


def inner(environ, start_response):
    path, stream = environ["PATH_INFO"], environ["wsgi.input"]
    plain = [("Content-Type", "text/plain")]
    if path == "/write":
        put = start_response("200 OK", plain)
        put(b"written ")
        return [b"returned"]
    if path == "/nobody":
        start_response("204 No Content", [])
        return []
    if path == "/replace":
        start_response("200 OK", plain)
        try:
            raise ValueError
        except ValueError:
            start_response("503 Service Unavailable", plain, sys.exc_info())
        return [b"replaced"]
    start_response("200 OK", plain)
    if path == "/generator":
        return (x for x in (b"a", b"b"))
    if path == "/echo":
        return [stream.read(3), stream.read(1000)]
    if path == "/lines":
        return [stream.readline(), *stream.readlines()]
    if path == "/iterate":
        return list(stream)
    if path == "/errors":
        environ["wsgi.errors"].write("an error line\n")
        environ["wsgi.errors"].flush()
    return [] if path == "/empty" else [b"hello ", b"world"]


app = validator(inner)
