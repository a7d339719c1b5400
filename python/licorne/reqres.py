"""`req` and `resp` of pre_request and post_request: found in the engine when somebody looks.

A name that was never looked at costs nothing. Once looked at, or set, it lies in the object's
__dict__ like any attribute. What a hook changed in `req` before the application is called finds its
way into the environ as under Gunicorn, which makes its environ from these attributes.
"""

from licorne._engine import Found, View


class Made:
    """An attribute that is made of what the engine finds; like Found, once."""

    def __init__(self, make):
        self.make = make

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, view, owner=None):
        if view is None:
            return self
        value = view.__dict__[self.name] = self.make(view)
        return value


def _pairs(text, change=str):
    lines = text.decode("latin-1").split("\r\n")
    return [
        (change(name), value) for name, _, value in (line.partition(": ") for line in lines[:-1])
    ]


def _version(view):
    return view._look("major"), view._look("minor")


def _peer(view):
    ip = view._look("ip")
    return (ip, view._look("port")) if ip else ""


class _Lazy(View):
    __slots__ = ()

    def _keep(self):
        """Called by the engine when the request ends and somebody has this object."""
        for name, value in vars(type(self)).items():
            if isinstance(value, (Found, Made)) and name != "body":
                getattr(self, name)


class Request(_Lazy):
    __slots__ = ()
    method = Found("method")
    uri = Found("uri")
    path = Found("path")
    query = Found("query")
    fragment = Made(lambda self: self.uri.partition("#")[2])
    version = Made(_version)
    headers = Made(lambda self: _pairs(self._look("fields"), str.upper))
    trailers = Made(lambda self: [])
    scheme = Found("scheme")
    remote_addr = Made(_peer)
    peer_addr = Made(_peer)
    must_close = Found("must_close")
    body = Found("body")
    proxy_protocol_info = None
    _keep_alive = Found("keep_alive")

    def force_close(self):
        self.must_close = True

    def should_close(self):
        return self.must_close or not self._keep_alive

    def _apply(self, environ):
        """What a hook changed becomes the application's. -> whether the connection is to close"""
        now = self.__dict__
        for name, put in _PUT.items():
            if name in now:
                found = vars(Request)[name]
                was = found.make(self) if isinstance(found, Made) else self._look(name)
                if now[name] != was:
                    put(environ, now[name], was)
        return now.get("must_close", False)


class Response(_Lazy):
    __slots__ = ()
    status = Found("line")
    status_code = Found("code")
    headers = Made(lambda self: _pairs(self._look("res_fields")))
    headers_sent = Found("head_sent")
    sent = Found("sent")
    response_length = Found("length")
    chunked = Found("chunked")
    upgrade = Found("upgrade")
    must_close = Made(lambda self: not self._look("keep_alive"))
    version = Made(_version)

    def is_chunked(self):
        return self.chunked

    def should_close(self):
        return self.must_close

    def force_close(self):
        self.must_close = True


# --- from a changed request to the environ


def _put_as(key):
    def put(environ, value, was):
        environ[key] = value

    return put


def _put_version(environ, value, was):
    environ["SERVER_PROTOCOL"] = "HTTP/{}.{}".format(*value)


def _put_path(environ, path, was):
    from urllib.parse import unquote_to_bytes

    mount = environ["SCRIPT_NAME"]
    if not path.startswith(mount):
        raise ValueError(f"Request path {path!r} does not start with SCRIPT_NAME {mount!r}")
    environ["PATH_INFO"] = unquote_to_bytes(path[len(mount) :]).decode("latin-1")


def _put_headers(environ, headers, was):
    now, before = _by_key(headers), _by_key(was)
    for key in {**before, **now}:
        if key not in now:
            environ.pop(key, None)
        elif now[key] != before.get(key):
            last_wins = key in ("CONTENT_TYPE", "CONTENT_LENGTH")
            environ[key] = now[key][-1] if last_wins else ",".join(now[key])
    mount = now.get("HTTP_SCRIPT_NAME")
    if mount and mount != before.get("HTTP_SCRIPT_NAME"):
        _put_mount(environ, mount[-1])


def _put_mount(environ, mount):
    path = environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    if not path.startswith(mount):
        raise ValueError(f"Request path {path!r} does not start with SCRIPT_NAME {mount!r}")
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = mount, path[len(mount) :]


def _by_key(headers):
    found = {}
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        found.setdefault(key, []).append(value)
    return found


_PUT = {
    "headers": _put_headers,  # before the path, for they may bring a SCRIPT_NAME
    "path": _put_path,
    "method": _put_as("REQUEST_METHOD"),
    "uri": _put_as("RAW_URI"),
    "query": _put_as("QUERY_STRING"),
    "version": _put_version,
    "scheme": _put_as("wsgi.url_scheme"),
}
