"""Gunicorn's settings whose feature is not built yet: their rows, as in settings.py.

Each is read, checked by its type, and accepted at its default only. A row moves to settings.py when
its feature works.
"""

from licorne.config.types import (
    ADDR_LIST,
    BOOL,
    COUNT,
    HOOK_2,
    STRING,
    STRING_LIST,
    Kind,
    one_of,
    to_pos_int,
    to_string,
)

PROTOCOLS = ("h1", "h2")


def to_proxy_protocol(value):
    if isinstance(value, bool) or value is None:
        return "auto" if value else "off"
    word = to_string(value).lower()
    word = {"true": "auto", "false": "off", "none": "off", "0": "off", "": "off"}.get(word, word)
    if word not in ("off", "v1", "v2", "auto"):
        raise ValueError(f"Invalid proxy_protocol: {value}")
    return word


def to_protocols(value):
    words = [word.strip().lower() for word in (to_string(value) or "h1").split(",")]
    for word in words:
        if word not in PROTOCOLS:
            raise ValueError(f"Invalid protocol: {word!r}")
    if len(words) != len(set(words)):
        raise ValueError(f"A protocol is named twice: {value}")
    return words


def to_cleartext(value):
    if isinstance(value, bool) or value is None:
        return "prior-knowledge" if value else "off"
    return CLEARTEXT_WORDS.check(value)


def between(least, most):
    allowed = f"takes an integer, {least} to {most}."
    return Kind(to_pos_int, allowed, int, "int").within(least, most)


PROXY_PROTOCOL = Kind(to_proxy_protocol, "takes one of: off, v1, v2, auto.")
HTTP_PROTOCOLS = Kind(to_protocols, "takes h1, h2, or both separated by a comma.")
CLEARTEXT_WORDS = one_of("off", "prior-knowledge", "upgrade", "both")
CLEARTEXT = Kind(to_cleartext, CLEARTEXT_WORDS.allowed)
# Gunicorn ignores the value, which was once a constant of the module ssl.
SSL_VERSION = Kind(lambda value: 2 if value is None else int(value), "takes 2; nothing follows.")

MECHANICS, WORKERS, TLS, HTTP2 = "Server Mechanics", "Worker Processes", "SSL", "HTTP/2"
HOOKS = "Server Hooks"

# (name, section, flags, kind, default, help)
# fmt: off
ROWS = (
    ("paste", MECHANICS, "--paste --paster", STRING, None,
     "A PasteDeploy file that holds the application: FILE or FILE#NAME."),
    ("raw_paste_global_conf", MECHANICS, "--paste-global", STRING_LIST, [],
     "KEY=VALUE for the [DEFAULT] part of a PasteDeploy file; may be given several times."),
    ("protocol", MECHANICS, "--protocol", STRING, "http",
     "What listeners speak: http or uwsgi."),
    ("uwsgi_allow_ips", MECHANICS, "--uwsgi-allow-from", ADDR_LIST, "127.0.0.1,::1",
     "Which peers may speak uwsgi."),

    ("asgi_loop", WORKERS, "--asgi-loop", one_of("auto", "asyncio", "uvloop"), "auto",
     "The event loop of an ASGI application."),
    ("asgi_lifespan", WORKERS, "--asgi-lifespan", one_of("auto", "on", "off"), "auto",
     "Whether an ASGI application is told of start and stop."),
    ("asgi_disconnect_grace_period", WORKERS, "--asgi-disconnect-grace-period", COUNT, 3,
     "Seconds that an ASGI application gets to finish once its client is gone."),
    ("websocket_max_message_size", WORKERS, "--websocket-max-message-size", COUNT, 16777216,
     "The most bytes in a WebSocket message; 0 lifts the limit."),
    ("root_path", MECHANICS, "--root-path", STRING, "",
     "The path under which an ASGI application is mounted."),

    ("ssl_context", HOOKS, "", HOOK_2, None,
     "Called with the configuration and a function that makes the default context; returns the "
     "context that TLS listeners use."),
    ("proxy_protocol", MECHANICS, "--proxy-protocol", PROXY_PROTOCOL, "off",
     "Whether connections begin with a PROXY line, and of which version."),
    ("proxy_allow_ips", MECHANICS, "--proxy-allow-from", ADDR_LIST, "127.0.0.1,::1",
     "Which peers may send a PROXY line."),
    ("keyfile", TLS, "--keyfile", STRING, None, "The private key of the certificate."),
    ("certfile", TLS, "--certfile", STRING, None, "The certificate, with its chain."),
    ("ssl_version", TLS, "--ssl-version", SSL_VERSION, 2, "Without effect, as under Gunicorn."),
    ("cert_reqs", TLS, "--cert-reqs", between(0, 2), 0,
     "Whether clients must show a certificate: 0 no, 1 may, 2 must."),
    ("ca_certs", TLS, "--ca-certs", STRING, None, "The authorities that client certificates name."),
    ("suppress_ragged_eofs", TLS, "--suppress-ragged-eofs", BOOL, True,
     "Whether an end without close_notify is an ordinary end."),
    ("do_handshake_on_connect", TLS, "--do-handshake-on-connect", BOOL, False,
     "Whether the handshake is made when a connection is accepted."),
    ("ciphers", TLS, "--ciphers", STRING, None, "The ciphers up to TLS 1.2, in OpenSSL's words."),
    ("http_protocols", HTTP2, "--http-protocols", HTTP_PROTOCOLS, "h1",
     "The versions of HTTP that are spoken, the preferred one first."),
    ("http2_cleartext", HTTP2, "--http2-cleartext", CLEARTEXT, "off",
     "How HTTP/2 may begin without TLS."),
    ("http2_max_concurrent_streams", HTTP2, "--http2-max-concurrent-streams",
     between(1, 2147483647), 100, "The most requests at a time on a connection."),
    ("http2_initial_window_size", HTTP2, "--http2-initial-window-size",
     between(1, 2147483647), 65535, "Bytes of a request body that may come before they are read."),
    ("http2_max_frame_size", HTTP2, "--http2-max-frame-size", between(16384, 16777215), 16384,
     "The most bytes in a frame."),
    ("http2_max_header_list_size", HTTP2, "--http2-max-header-list-size", COUNT, 65536,
     "The most bytes in the header fields of a request; 0 says nothing of it."),
)
# fmt: on
