"""Configuration files, flags and environments that both servers are shown.

A case is (name, argv, configuration file or None, environment). The same values must come out of it,
or the same refusal.
"""

ALL_HOOKS = """
def on_starting(server): pass
def on_reload(server): pass
def when_ready(server): pass
def pre_fork(server, worker): pass
def post_fork(server, worker): pass
def post_worker_init(worker): pass
def worker_int(worker): pass
def worker_abort(worker): pass
def pre_exec(server): pass
def pre_request(worker, req): pass
def post_request(worker, req, environ, resp): pass
def child_exit(server, worker): pass
def worker_exit(server, worker): pass
def nworkers_changed(server, new_value, old_value): pass
def on_exit(server): pass
"""

CONTAINER = """
import json
import multiprocessing
import os

workers_per_core = float(os.getenv("WORKERS_PER_CORE", "1"))
cores = multiprocessing.cpu_count()
web_concurrency = max(int(workers_per_core * cores), 2)
host = os.getenv("HOST", "0.0.0.0")
use_loglevel = os.getenv("LOG_LEVEL", "info")
loglevel = use_loglevel
workers = web_concurrency
bind = f"{host}:{os.getenv('PORT', '80')}"
errorlog = os.getenv("ERROR_LOG", "-") or None
accesslog = os.getenv("ACCESS_LOG", "-") or None
graceful_timeout = int(os.getenv("GRACEFUL_TIMEOUT", "120"))
timeout = int(os.getenv("TIMEOUT", "120"))
keepalive = int(os.getenv("KEEP_ALIVE", "5"))
log_data = {"loglevel": loglevel, "workers": workers, "bind": bind}
print(json.dumps(log_data)) if os.getenv("VERBOSE") else None
"""

STRINGS = """
import os
workers = os.getenv('WEB_CONCURRENCY', 2)
threads = os.getenv('THREADS', '4')
timeout = os.getenv('TIMEOUT', '0x1e')
backlog = ' 0b11 '.strip()
preload_app = os.getenv('PRELOAD', ' True ')
permit_obsolete_folding = 'FALSE'
umask = '0o22'
bind = ' 0.0.0.0:9000 '
wsgi_app = ' app:app '
"""

NONES = """
accesslog = None
pythonpath = None
tmp_upload_dir = None
keyfile = None
certfile = None
ca_certs = None
ciphers = None
paste = None
umask = 0
sendfile = None
"""

VALUES = """
bind = ['127.0.0.1:1', 'unix:/tmp/x.sock', '[::1]:3', 'fd://3']
wsgi_app = 'app:app'
secure_scheme_headers = {'X-FORWARDED-PROTO': 'https'}
forwarded_allow_ips = '10.0.0.0/8, ::1,*'
forwarder_headers = 'SCRIPT_NAME, X_THING,,'
header_map = ' Refuse '
tmp_upload_dir = '/var/tmp '
limit_request_line = 0
dirty_timeout = 4
dirty_threads = True
http_parser = 'python'
asgi_loop = 'auto'
protocol = 'http'
root_path = ''
"""

# What configuration files say: (setting, value as written).
LINES = [
    ("workers", "-1"),
    ("workers", "1.5"),
    ("workers", "'08'"),
    ("workers", "''"),
    ("workers", "None"),
    ("workers", "[]"),
    ("workers", "True"),
    ("workers", "'1_0'"),
    ("workers", "' 3 '"),
    ("workers", "'3.0'"),
    ("timeout", "'30s'"),
    ("timeout", "float(30)"),
    ("preload_app", "'yes'"),
    ("preload_app", "1"),
    ("preload_app", "None"),
    ("preload_app", "'false '"),
    ("bind", "None"),
    ("bind", "''"),
    ("bind", "[]"),
    ("bind", "[1]"),
    ("bind", "('a:1', 'b:2')"),
    ("bind", "8000"),
    ("loglevel", "10"),
    ("loglevel", "' debug '"),
    ("accesslog", "True"),
    ("accesslog", "b'-'"),
    ("errorlog", "__import__('pathlib').Path('x')"),
    ("forwarded_allow_ips", "'10.0.0.1/8'"),
    ("forwarded_allow_ips", "'localhost'"),
    ("forwarded_allow_ips", "None"),
    ("forwarded_allow_ips", "['10.0.0.1', '*']"),
    ("secure_scheme_headers", "[]"),
    ("secure_scheme_headers", "{}"),
    ("secure_scheme_headers", "None"),
    ("header_map", "'keep'"),
    ("header_map", "3"),
    ("header_map", "None"),
    ("user", "None"),
    ("user", "0"),
    ("user", "' 12 '"),
    ("user", "'12'"),
    ("user", "'nobody'"),
    ("user", "'nosuch'"),
    ("user", "''"),
    ("group", "None"),
    ("group", "'12'"),
    ("group", "'nogroup'"),
    ("group", "'nosuch'"),
    ("umask", "'0022'"),
    ("raw_env", "['A=1', ' B=2 ']"),
    ("raw_env", "'A=1'"),
    ("raw_env", "{}"),
    ("raw_env", "[1]"),
    ("daemon", "'true'"),
    ("reload", "1"),
    ("reload_engine", "'poll'"),
    ("reload_engine", "'inotify'"),
    ("reload_engine", "'watchdog'"),
    ("reload_engine", "None"),
    ("reload_extra_files", "'/etc/passwd'"),
    ("reload_extra_files", "['/etc/passwd', '/nosuch/*.html']"),
    ("reload_extra_files", "['/nosuch']"),
    ("reload_extra_files", "None"),
    ("reload_extra_files", "'[nosuch'"),
    ("pidfile", "'x.pid '"),
    ("pidfile", "None"),
    ("worker_tmp_dir", "'/nosuch'"),
    ("initgroups", "None"),
    ("proc_name", "'shop'"),
    ("default_proc_name", "'shop'"),
    ("default_proc_name", "None"),
    ("forwarder_headers", "None"),
    ("forwarder_headers", "['A', ' B ']"),
    ("chdir", "'/no/such/place'"),
    ("chdir", "'/'"),
    ("chdir", "None"),
    ("umask", "'022'"),
    ("umask", "0o22"),
    ("umask", "'0o22'"),
    ("worker_class", "'sync'"),
    ("worker_class", "3"),
    ("worker_abort", "lambda worker: None"),
    ("worker_abort", "lambda worker, more: None"),
    ("worker_abort", "lambda worker, more=1: None"),
    ("worker_abort", "lambda *all: None"),
    ("worker_abort", "'os.path.basename'"),
    ("worker_abort", "'os.path.no_such_name'"),
    ("worker_abort", "'no_such_module.function'"),
    ("worker_abort", "'nodot'"),
    ("worker_abort", "3"),
    ("dirty_worker_exit", "lambda arbiter, worker: None"),
    ("dirty_worker_exit", "lambda arbiter: None"),
    ("dirty_workers", "-1"),
    ("dirty_apps", "'a:B'"),
    ("dirty_apps", "[1]"),
    ("http_parser", "'other'"),
    ("http_parser", "' FAST '"),
    ("http_parser", "3"),
    ("asgi_loop", "'other'"),
    ("asgi_lifespan", "3"),
    ("proxy_protocol", "'v3'"),
    ("proxy_protocol", "False"),
    ("http_protocols", "['h1']"),
    ("http_protocols", "'h3'"),
    ("http_protocols", "'h1,h1'"),
    ("http2_cleartext", "'maybe'"),
    ("http2_cleartext", "False"),
    ("http2_max_frame_size", "1"),
    ("http2_max_concurrent_streams", "0"),
    ("cert_reqs", "-1"),
    ("suppress_ragged_eofs", "'no'"),
    ("config", "'other.py'"),
    ("wsgi_app", "3"),
    ("workers", "undefined_name"),
    ("print_config", "'x'"),
    ("sendfile", "'false'"),
    ("sendfile", "3"),
    ("pythonpath", "['a']"),
    ("max_requests", "'1_000'"),
    ("max_requests", "-1"),
    ("max_requests_jitter", "1.5"),
    ("reuse_port", "'TRUE'"),
    ("reuse_port", "1"),
    ("logger_class", "3"),
    ("logger_class", "'no_such_module.Logger'"),
    ("logconfig_dict", "[]"),
    ("logconfig_dict", "{'version': 1}"),
    ("logconfig_dict", "None"),
    ("logconfig", "3"),
    ("logconfig", "'nosuch.ini'"),
    ("syslog", "'true'"),
    ("syslog", "'on'"),
    ("syslog_addr", "'udp://logs:514'"),
    ("syslog_facility", "None"),
    ("syslog_facility", "3"),
    ("syslog_prefix", "' x '"),
    ("statsd_host", "'localhost:8125'"),
    ("statsd_host", "'localhost'"),
    ("statsd_host", "'unix:///run/statsd'"),
    ("statsd_host", "'localhost:x'"),
    ("statsd_host", "None"),
    ("statsd_prefix", "'ours'"),
    ("statsd_prefix", "3"),
    ("dogstatsd_tags", "'a:b,c'"),
    ("capture_output", "'False'"),
    ("control_socket", "'/run/x.ctl'"),
    ("control_socket", "3"),
    ("control_socket_mode", "'0o660'"),
    ("control_socket_mode", "'660'"),
    ("control_socket_mode", "'0660'"),
    ("control_socket_disable", "'true'"),
    ("post_request", "lambda worker, req: None"),
    ("post_request", "lambda worker, req, environ: None"),
    ("post_request", "lambda worker: None"),
    ("post_request", "lambda a, b, c, d, e: None"),
    ("nworkers_changed", "lambda server, new: None"),
    ("on_exit", "lambda: None"),
    ("pre_fork", "lambda server, worker: None"),
    ("pre_fork", "lambda server: None"),
]

FLAGS = [
    "-w 4",
    "-w4",
    "-w=4",
    "--workers=4",
    "--worker 4",
    "--workers",
    "--workers four",
    "--workers 4.0",
    "--workers 0x4",
    "--workers -1",
    "--workers=08",
    "--bogus",
    "--bogus=1 -w 2",
    "-Z",
    "-b a:1 --bind b:2 -b=c:3",
    "--bind unix:/x.sock",
    "--bind [::1]:80",
    "--log-lev debug",
    "--log-l debug",
    "--access-logfil -",
    "--access-log -",
    "--log-file=-",
    "--error-logfile x",
    "--limit-request-field_size 5",
    "--limit-request-field-size 5",
    "--limit-request-fi 5",
    "-m 0022",
    "-m 022",
    "-m 0o22",
    "-m 0x12",
    "-m 18",
    "-m 09",
    "-m xyz",
    "-D -R -p x.pid",
    "-u nobody -g nogroup --initgroups",
    "-u nosuch",
    "-g nosuch",
    "-u 0 -g 12",
    "-e A=1 --env B=2",
    "-n shop",
    "--reload --reload-engine poll --reload-extra-file /etc/passwd --reload-extra-file /nosuch/*",
    "--reload-extra-file /nosuch",
    "--reload-engine x",
    "--worker-tmp-dir /dev/shm",
    "--preload",
    "--preload=1",
    "--no-sendfile",
    "--no-send",
    "--timeout 0 --graceful-timeout=7 --keep-alive 3",
    "-t 7 -k sync",
    "--chdir /",
    "--chdir /no/such/place",
    "--forwarded-allow-ips=*",
    "--forwarded-allow-ips 10.0.0.1/8",
    "--header-map dangerous",
    "--header-map nonsense",
    "--permit-obsolete-folding --strip-header-spaces --casefold-http-method",
    "--permit-unconventional-http-v",
    "--dirty-app a:B --dirty-timeout 9",
    "--dirty-workers x",
    "--http-parser fast",
    "--suppress-ragged-eofs",
    "--pythonpath a,b",
    "-c nosuch.py",
    "-c python:nosuchmodule",
    "-c file:nosuch.py",
    "-c",
    "--backlog 12 -w 3 -w 5",
    "--threads 3",
    "-- -w 4",
    "--max-requests 1000 --max-requests-jitter=50",
    "--max-req 5",
    "--max-requests x",
    "--reuse-port --capture-output",
    "--log-config nosuch.ini",
    "--log-config-json nosuch.json",
    "--log-conf x",
    "--log-syslog --log-syslog-to udp://a:1 --log-syslog-prefix p --log-syslog-facility local3",
    "--statsd-host a:8125 --statsd-prefix p --dogstatsd-tags a:b --enable-backlog-metric",
    "--logger-class simple",
    "--control-socket x.ctl --control-socket-mode 0660",
    "--control-socket-mode 9",
    "--no-control-socket",
    "--no-c",
]

ENVIRONMENTS = [
    {"PORT": "9000"},
    {"PORT": ""},
    {"WEB_CONCURRENCY": "3"},
    {"WEB_CONCURRENCY": "08"},
    {"WEB_CONCURRENCY": "x"},
    {"WEB_CONCURRENCY": "-1"},
    {"WEB_CONCURRENCY": ""},
    {"WEB_CONCURRENCY": "0x3"},
    {"FORWARDED_ALLOW_IPS": "*"},
    {"FORWARDED_ALLOW_IPS": "nonsense"},
    {"GUNICORN_CMD_ARGS": "-w 3 --bind=x:1"},
    {"GUNICORN_CMD_ARGS": "--bogus"},
    {"GUNICORN_CMD_ARGS": "'"},
    {"GUNICORN_CMD_ARGS": "--chdir '/' other:app"},
    {"GUNICORN_CMD_ARGS": "--version"},
    {"GUNICORN_CMD_ARGS": ""},
    {"GUNICORN_CMD_ARGS": "-w 3", "WEB_CONCURRENCY": "2"},
    {"GUNICORN_CMD_ARGS": "-c other.py"},
]


def cases():
    yield "nothing", "app:app", None, {}
    yield "no application", "", None, {}
    yield "application from the file", "", "wsgi_app = 'app:app'", {}
    yield "application that is not there", "nosuchmodule:app", None, {}
    yield "application of another name", "app:other", None, {}
    yield "version", "--version", None, {}
    yield "help", "--help", None, {}
    yield "version before a bad flag", "-v --bogus", None, {}
    yield "all hooks' arity", "app:app", ALL_HOOKS, {}
    yield "container", "app:app", CONTAINER, {}
    yield "container with variables", "app:app", CONTAINER, {"PORT": "8080", "LOG_LEVEL": "debug"}
    yield "strings", "", STRINGS, {}
    yield "strings of the environment", "", STRINGS, {"WEB_CONCURRENCY": "7", "PRELOAD": "false"}
    yield "nones", "app:app", NONES, {}
    yield "values", "", VALUES, {}
    yield "another file", "-c other.py app:app", "workers = 2\nbacklog = 9", {}
    yield "file: form", "-c file:other.py app:app", None, {}
    yield "python: form", "-c python:other app:app", None, {}
    yield (
        "flags above the file",
        "-b a:1 -w 3 app:app",
        "bind = 'b:2'\nworkers = 2\ntimeout = 3",
        {},
    )
    yield (
        "every source",
        "--backlog 5 app:app",
        "workers = 2\nbacklog = 2\ntimeout = 2",
        {"WEB_CONCURRENCY": "1", "GUNICORN_CMD_ARGS": "--backlog 3 --timeout 3"},
    )
    yield "failing file", "app:app", "1/0", {}
    yield "file that does not parse", "app:app", "workers = = 2", {}
    yield "file that exits", "app:app", "import sys; sys.exit(7)", {}
    yield "other names", "app:app", "WORKERS = 3\n_workers = 4\nimport os\nclass Timeout: pass", {}
    for name, value in LINES:
        yield f"{name} = {value}", "app:app", f"{name} = {value}\n", {}
    for flags in FLAGS:
        yield flags, f"{flags} app:app", None, {}
    for environment in ENVIRONMENTS:
        yield str(environment), "app:app", None, environment
