"""Request and response as a logger sees them when the exchange is gone: made of the engine's note.

note = (method, uri, path, query, version, [(NAME, value)...], peer, scheme, listener,
        status, status line or None, sent, [(name, value)...], microseconds)
"""


class Request:
    def __init__(self, note):
        self.method, self.uri, self.path, self.query, self.version, self.headers = note[:6]
        self.remote_addr = self.peer_addr = note[6]  # (host, port); "" of a unix socket
        self.scheme = note[7]
        self.listener = note[8]
        self.fragment = ""
        self.trailers = []
        self.body = None
        self.proxy_protocol_info = None


class Response:
    def __init__(self, note):
        self.status_code = note[9] or None
        self.status = note[10] or (str(note[9]) if note[9] else None)
        self.sent = note[11]
        self.headers = note[12]
        self.response_length = None
        for name, value in self.headers:
            if name.lower() == "content-length" and value.isdecimal():
                self.response_length = int(value)
        self.headers_sent = self.status is not None
        self.chunked = False
        self.upgrade = False
        self.must_close = False


def environ_of(req, facts):
    """Of a request that no application was called for: the keys that are plain texts.

    facts: what all environs of this worker have in common, and the listeners' names.
    """
    from urllib.parse import unquote_to_bytes

    fixed, servers = facts
    env = dict(fixed)
    name, port = servers[req.listener]
    env.update(
        REQUEST_METHOD=req.method,
        RAW_URI=req.uri,
        PATH_INFO=unquote_to_bytes(req.path.encode("latin-1")).decode("latin-1"),
        QUERY_STRING=req.query,
        SERVER_PROTOCOL="HTTP/{}.{}".format(*req.version),
        SERVER_NAME=name,
        SERVER_PORT=port,
        REMOTE_ADDR=req.remote_addr[0] if req.remote_addr else "",
    )
    env["wsgi.url_scheme"] = req.scheme
    if req.remote_addr:
        env["REMOTE_PORT"] = str(req.remote_addr[1])
    for field, value in req.headers:
        key = field.replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        env[key] = f"{env[key]},{value}" if key in env else value
    return env
