"""How large the settings that are numbers may be, and how long those that are lists.

Written by tools/gen_bounds.py from src/engine/config.def: do not edit, ./dev docs renews it.
"""

NUMBERS = {
    "worker_connections": (1, 4294967295),
    "timeout": (0, 4294967),
    "graceful_timeout": (0, 4294967),
    "max_requests": (0, 4294967295),
    "max_requests_jitter": (0, 4294967295),
    "limit_request_line": (0, 4294967295),
    "limit_request_fields": (0, 4294967295),
    "limit_request_field_size": (0, 4294967295),
    "limit_request_body": (0, 9223372036854775807),
    "body_memory": (0, 2147483647),
    "body_file": (0, 9223372036854775807),
    "response_memory": (0, 4294967295),
    "response_file": (0, 9223372036854775807),
    "header_timeout": (0, 4294967),
    "keepalive": (0, 4294967),
    "min_rate_window": (1, 4294967),
    "body_min_rate": (0, 4294967295),
    "send_min_rate": (0, 4294967295),
    "threads": (1, 1024),
    "queue_size": (0, 4294967295),
    "queue_timeout": (0, 4294967),
    "workers": (0, 1023),
    "backlog": (0, 2147483647),
    "boot_timeout": (0, 4294967),
    "umask": (0, 2147483647),
    "control_socket_mode": (0, 4095),
}

LENGTHS = {
    "bind": 64,
    "forwarded_allow_ips": 256,
    "forwarder_headers": 64,
    "secure_scheme_headers": 64,
}
