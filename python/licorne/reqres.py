"""`req` and `resp` of pre_request and post_request: found in the engine when somebody looks.

A name that was never looked at costs nothing. Once looked at, or set, it lies in the object's
__dict__ like any attribute. What a hook changed in `req` before the application is called finds its
way into the environ as under Gunicorn, which makes its environ from these attributes.
"""

from licorne._engine import View


class _Lazy(View):
    __slots__ = ()
    _found = {}  # name: what finds its value
    _kept = ()  # names that outlive the request, if somebody keeps the object

    def __getattr__(self, name):
        find = self._found.get(name)
        if find is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = self.__dict__[name] = find(self)
        return value

    def _keep(self):
        """Called by the engine when the request ends and somebody has this object."""
        for name in self._kept:
            getattr(self, name)


def _looking(name):
    return lambda self: self._look(name)


def _pairs(text, change=str):
    lines = text.decode("latin-1").split("\r\n")
    return [
        (change(name), value) for name, _, value in (line.partition(": ") for line in lines[:-1])
    ]


def _peer(self):
    ip = self._look("ip")
    return (ip, self._look("port")) if ip else ""


class Request(_Lazy):
    __slots__ = ()
    _found = {
        "method": _looking("method"),
        "uri": _looking("uri"),
        "path": _looking("path"),
        "query": _looking("query"),
        "fragment": lambda self: self.uri.partition("#")[2],
        "version": lambda self: (self._look("major"), self._look("minor")),
        "headers": lambda self: _pairs(self._look("fields"), str.upper),
        "trailers": lambda self: [],
        "scheme": _looking("scheme"),
        "remote_addr": _peer,
        "peer_addr": _peer,
        "must_close": _looking("must_close"),
        "body": _looking("body"),
        "proxy_protocol_info": lambda self: None,
        "_keep_alive": _looking("keep_alive"),
    }
    _kept = tuple(name for name in _found if name != "body")

    def force_close(self):
        self.must_close = True

    def should_close(self):
        return self.must_close or not self._keep_alive

    def _apply(self, environ):
        """What a hook changed becomes the application's. -> whether the connection is to close"""
        set_here = self.__dict__
        for name, put in _PUT.items():
            if name in set_here:
                was = self._found[name](self)
                if set_here[name] != was:
                    put(environ, set_here[name], was)
        return set_here.get("must_close", False)


class Response(_Lazy):
    __slots__ = ()
    _found = {
        "status": _looking("line"),
        "status_code": _looking("code"),
        "headers": lambda self: _pairs(self._look("res_fields")),
        "headers_sent": _looking("head_sent"),
        "sent": _looking("sent"),
        "response_length": _looking("length"),
        "chunked": _looking("chunked"),
        "upgrade": _looking("upgrade"),
        "must_close": lambda self: not self._look("keep_alive"),
        "version": lambda self: (self._look("major"), self._look("minor")),
    }
    _kept = tuple(_found)

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
