"""The table of settings. Command line, validation, --print-config and --help all follow from it.

A row says everything about one setting; nothing else in the package knows a setting's type, flags
or default. `engine` marks what the C engine is given. `own` marks what Gunicorn does not have: its
flags yield to Gunicorn's when an abbreviation fits both.

Bounds of numbers and lists are the engine's: src/engine/config.def, by way of bounds.py.

PENDING (the rows of pending.py) are Gunicorn's settings that this version does not act on. They are
accepted at their default only, so that a configuration never seems to ask for something that does
not happen. A setting moves from there to the table when it works.

BY_NAME is all of them, with those that people define themselves (custom.py).
"""

import os

from licorne.config import pending
from licorne.config.accesslog import FORMAT as _ACCESS_FORMAT
from licorne.config.bounds import LENGTHS, NUMBERS
from licorne.config.logtypes import (
    FACILITY,
    LOG_DICT,
    LOGGER_CLASS,
    STATSD_HOST,
    SYSLOG_ADDR,
    SYSLOG_ADDRESS,
    TEXT,
)
from licorne.config.types import (
    ACCESS_FORMAT,
    ADDR_LIST,
    ADDRESSES,
    BOOL,
    BOOL_OFF,
    CHDIR,
    COUNT,
    CSV_LIST,
    DICT,
    FILES,
    GROUP,
    HEADER_MAP,
    HEALTH_PATH,
    HOOK_1,
    HOOK_2,
    HOOK_2_TO_4,
    HOOK_3,
    LOGLEVEL,
    OCTAL,
    POS_INT,
    RELOAD_ENGINE,
    SECONDS,
    SIZE,
    STRING,
    STRING_LIST,
    USER,
    WINDOW,
    WORKER_CLASS,
    getcwd,
    one_of,
)
from licorne.ctl.place import default_path


class Setting:
    __slots__ = ("name", "section", "flags", "kind", "default", "help", "engine", "own", "is_later")

    def __init__(self, *row, engine=False, own=False, is_later=False):
        self.name, self.section, flags, self.kind, self.default, self.help = row
        if self.kind in (POS_INT, SIZE, SECONDS, WINDOW, OCTAL):
            self.kind = self.kind.within(*NUMBERS[self.name])
        elif self.name in LENGTHS:
            self.kind = self.kind.at_most(LENGTHS[self.name])
        self.flags = flags.split()
        self.engine = engine
        self.own = own
        self.is_later = is_later

    @property
    def is_hook(self):
        return self.section in (HOOKS, DIRTY_HOOKS) and not self.is_later

    def initial(self, environ):
        """The default, which for four settings depends on the environment. -> (value, origin)"""
        variable = ENVIRONMENT.get(self.name)
        if variable and variable in environ:
            word = environ[variable]
            return (["0.0.0.0:" + word] if variable == "PORT" else word), "$" + variable
        if self.name == "chdir":
            return getcwd(), "default"
        if self.name in ("user", "group"):
            return (os.geteuid() if self.name == "user" else os.getegid()), "default"
        if self.name == "control_socket":
            return default_path(environ), "default"
        return self.default, "default"


ENVIRONMENT = {
    "bind": "PORT",
    "workers": "WEB_CONCURRENCY",
    "forwarded_allow_ips": "FORWARDED_ALLOW_IPS",
}

SECURE_SCHEME_HEADERS = {
    "X-FORWARDED-PROTOCOL": "ssl",
    "X-FORWARDED-PROTO": "https",
    "X-FORWARDED-SSL": "on",
}


def engine(*row):
    return Setting(*row, engine=True)


def own(*row):
    return Setting(*row, engine=True, own=True)


def own_of_master(*row):
    return Setting(*row, own=True)


FILE, SOCKET, WORKERS = "Config File", "Server Socket", "Worker Processes"
SECURITY, DEBUG, MECHANICS, LOGGING = "Security", "Debugging", "Server Mechanics", "Logging"
MEMORY, RATES, HOOKS = "Bodies and Memory", "Slow Clients", "Server Hooks"
NAMING = "Process Naming"
DIRTY, DIRTY_HOOKS = "Dirty Arbiters", "Dirty Arbiter Hooks"
CONTROL = "Control"

# fmt: off
SETTINGS = (
    Setting("config", FILE, "-c --config", STRING, "./gunicorn.conf.py",
            "The configuration file: PATH, file:PATH or python:MODULE. "
            "Without it, ./licorne.conf.py or else ./gunicorn.conf.py is read if it exists."),
    Setting("wsgi_app", FILE, "", STRING, None,
            "The application, MODULE:NAME, when the command line names none."),

    Setting("bind", SOCKET, "-b --bind", ADDRESSES, ["127.0.0.1:8000"],
            "Where to listen; may be given several times."),
    engine("backlog", SOCKET, "--backlog", POS_INT, 2048,
           "How many connections may wait to be accepted."),

    engine("workers", WORKERS, "-w --workers", POS_INT, 1,
           "The number of worker processes."),
    engine("worker_class", WORKERS, "-k --worker-class", WORKER_CLASS, "sync",
           "The kind of worker."),
    engine("threads", WORKERS, "--threads", POS_INT, 1,
           "The most threads that run requests in a worker. More than 1 makes a sync worker a "
           "gthread one. Started when a request has to wait for one."),
    engine("worker_connections", WORKERS, "--worker-connections", POS_INT, 1000,
           "The most connections a worker holds, idle ones included."),
    engine("timeout", WORKERS, "-t --timeout", SECONDS, 30,
           "Seconds after which a worker that does not come back is ended and replaced: a sync one "
           "from a call, any other to its events. Its boot does not count. 0 lifts the limit."),
    engine("max_requests", WORKERS, "--max-requests", POS_INT, 0,
           "Requests after which a worker is replaced; it serves on until its successor is ready. "
           "0: never."),
    engine("max_requests_jitter", WORKERS, "--max-requests-jitter", POS_INT, 0,
           "At most so many requests are added to max_requests, for each worker by chance."),
    engine("graceful_timeout", WORKERS, "--graceful-timeout", SECONDS, 30,
           "Seconds that workers get to finish their requests when they are replaced, or the "
           "server stops."),
    engine("keepalive", WORKERS, "--keep-alive", SECONDS, 75,
           "Seconds to keep an idle connection; 0 closes after each response."),

    engine("limit_request_line", SECURITY, "--limit-request-line", POS_INT, 4094,
           "The most bytes in a request line (else 414); 0 lifts the limit."),
    engine("limit_request_fields", SECURITY, "--limit-request-fields", POS_INT, 100,
           "The most header fields in a request (else 431)."),
    engine("limit_request_field_size", SECURITY, "--limit-request-field_size", POS_INT, 8190,
           "The most bytes in one header field (else 431)."),

    Setting("reload", DEBUG, "--reload", BOOL, False,
            "End workers, so that new ones follow, when a file of the application changes. For "
            "development; with preload_app it reloads nothing."),
    Setting("reload_engine", DEBUG, "--reload-engine", RELOAD_ENGINE, "auto",
            "How reload learns of changes: inotify at once, poll once a second; auto is inotify "
            "where the system has it."),
    Setting("reload_extra_files", DEBUG, "--reload-extra-file", FILES, [],
            "More files that reload watches; patterns are looked up again and again."),
    Setting("spew", DEBUG, "--spew", BOOL, False,
            "Print every line of Python that runs, with its module. Very slow."),
    Setting("check_config", DEBUG, "--check-config", BOOL, False,
            "Read the configuration, import the application, and exit."),
    Setting("print_config", DEBUG, "--print-config", BOOL, False,
            "Print every setting, then do as --check-config."),

    Setting("preload_app", MECHANICS, "--preload", BOOL, False,
            "Import the application once, before the workers are forked."),
    engine("sendfile", MECHANICS, "--no-sendfile", BOOL_OFF, None,
           "Whether files are sent by the kernel; unset, $SENDFILE decides, else yes."),
    Setting("reuse_port", MECHANICS, "--reuse-port", BOOL, False,
            "One socket with SO_REUSEPORT for each worker on every TCP address, over which the "
            "kernel spreads new connections, instead of one that all accept from."),
    Setting("chdir", MECHANICS, "--chdir", CHDIR, None,
            "The directory to change to before the application is imported."),
    Setting("daemon", MECHANICS, "-D --daemon", BOOL, False,
            "Leave the terminal and run in the background."),
    Setting("raw_env", MECHANICS, "-e --env", STRING_LIST, [],
            "Variables for the application's environment, NAME=VALUE; may be given several times."),
    Setting("pidfile", MECHANICS, "-p --pid", STRING, None,
            "A file to write the master's process id to."),
    Setting("worker_tmp_dir", MECHANICS, "--worker-tmp-dir", STRING, None,
            "A directory that must exist, and is not used: signs of life are in shared memory."),
    Setting("user", MECHANICS, "-u --user", USER, None,
            "The user that workers run as; the master stays who started it. Unset, the same."),
    Setting("group", MECHANICS, "-g --group", GROUP, None,
            "The group that workers run as. Unset, the master's."),
    Setting("umask", MECHANICS, "-m --umask", OCTAL, 0,
            "The mask for files the server makes, such as unix sockets."),
    Setting("initgroups", MECHANICS, "--initgroups", BOOL, False,
            "Give workers the other groups of their user, too; without it they keep the master's."),
    engine("tmp_upload_dir", MECHANICS, "", STRING, None,
           "Where bodies too large for memory wait; the system's choice if unset."),
    engine("secure_scheme_headers", MECHANICS, "", DICT, SECURE_SCHEME_HEADERS,
           "Headers by which a trusted proxy says that it was asked over https."),
    engine("forwarded_allow_ips", MECHANICS, "--forwarded-allow-ips", ADDR_LIST, "127.0.0.1,::1",
           "Which peers are trusted proxies."),
    Setting("pythonpath", MECHANICS, "--pythonpath", STRING, None,
            "Directories, separated by commas, to put in front of sys.path."),
    engine("permit_obsolete_folding", MECHANICS, "--permit-obsolete-folding", BOOL, False,
           "Accept header fields folded over lines. Dangerous."),
    engine("strip_header_spaces", MECHANICS, "--strip-header-spaces", BOOL, False,
           "Accept spaces between a field's name and its colon. Dangerous."),
    engine("permit_unconventional_http_method", MECHANICS, "--permit-unconventional-http-method",
           BOOL, False, "Accept methods in lower case, with '#', or of unusual length."),
    engine("permit_unconventional_http_version", MECHANICS, "--permit-unconventional-http-version",
           BOOL, False, "Accept HTTP versions other than 1.x."),
    engine("casefold_http_method", MECHANICS, "--casefold-http-method", BOOL, False,
           "Turn methods to upper case."),
    engine("forwarder_headers", MECHANICS, "--forwarder-headers", CSV_LIST,
           "SCRIPT_NAME,PATH_INFO", "Headers that only a trusted proxy may send."),
    engine("header_map", MECHANICS, "--header-map", HEADER_MAP, "drop",
           "What becomes of header names with an underscore: drop, refuse or dangerous."),

    Setting("accesslog", LOGGING, "--access-logfile", STRING, None,
            "The file of the access log; '-' is standard output. Unset, there is none."),
    engine("access_log_format", LOGGING, "--access-logformat", ACCESS_FORMAT, _ACCESS_FORMAT,
           "The lines of the access log."),
    Setting("errorlog", LOGGING, "--error-logfile --log-file", STRING, "-",
            "The file of the server's own log; '-' is standard error."),
    Setting("loglevel", LOGGING, "--log-level", LOGLEVEL, "info",
            "debug, info, warning, error or critical."),
    Setting("capture_output", LOGGING, "--capture-output", BOOL, False,
            "Send standard output and error to the file of the server's own log."),
    Setting("logger_class", LOGGING, "--logger-class", LOGGER_CLASS, "gunicorn.glogging.Logger",
            "The class that logs, or its name. One that replaces access(), atoms() or now() makes "
            "Python write the access log; one that replaces warning() and the like hears what the "
            "engine has to say."),
    Setting("logconfig", LOGGING, "--log-config", STRING, None,
            "An INI file for logging.config.fileConfig."),
    Setting("logconfig_dict", LOGGING, "", LOG_DICT, {},
            "A dictionary for logging.config.dictConfig, laid over the default one key by key. "
            "It wins over the two files."),
    Setting("logconfig_json", LOGGING, "--log-config-json", STRING, None,
            "A JSON file with such a dictionary; it wins over the INI file."),
    Setting("syslog", LOGGING, "--log-syslog", BOOL, False,
            "Send both logs to syslog, too."),
    Setting("syslog_addr", LOGGING, "--log-syslog-to", SYSLOG_ADDR, SYSLOG_ADDRESS,
            "Where syslog is: udp://HOST:PORT, tcp://HOST:PORT, unix://PATH, unix://PATH#dgram."),
    Setting("syslog_prefix", LOGGING, "--log-syslog-prefix", STRING, None,
            "A name in the lines of syslog, gunicorn.NAME.error; the process's name if unset."),
    Setting("syslog_facility", LOGGING, "--log-syslog-facility", FACILITY, "user",
            "The facility of syslog."),
    Setting("disable_redirect_access_to_syslog", LOGGING, "--disable-redirect-access-to-syslog",
            BOOL, False, "Keep the access log out of syslog."),
    Setting("statsd_host", LOGGING, "--statsd-host", STATSD_HOST, None,
            "Where statsd is: HOST:PORT, or unix:///PATH. Metrics are sent without waiting."),
    Setting("statsd_prefix", LOGGING, "--statsd-prefix", TEXT, "",
            "What the names of metrics begin with; a dot follows it."),
    Setting("dogstatsd_tags", LOGGING, "--dogstatsd-tags", TEXT, "",
            "Tags of every metric, separated by commas, in Datadog's form."),
    Setting("enable_backlog_metric", LOGGING, "--enable-backlog-metric", BOOL, False,
            "Tell once a second how many connections wait to be accepted (TCP on Linux)."),

    Setting("enable_stdio_inheritance", LOGGING, "-R --enable-stdio-inheritance", BOOL, False,
            "With daemon: keep standard output and error where they are no terminals."),

    Setting("proc_name", NAMING, "-n --name", STRING, None,
            "What ps shows between the brackets of `licorne: master [...]`."),
    Setting("default_proc_name", NAMING, "", STRING, "gunicorn",
            "The same while proc_name is unset; the application of the command line, if there is "
            "one."),

    Setting("on_starting", HOOKS, "", HOOK_1, None,
            "Called with the server, in the master, before it listens."),
    Setting("on_reload", HOOKS, "", HOOK_1, None,
            "Called with the server, in the master, when it has read its configuration anew."),
    Setting("when_ready", HOOKS, "", HOOK_1, None,
            "Called with the server, in the master, when it listens and before it forks."),
    Setting("pre_fork", HOOKS, "", HOOK_2, None,
            "Called with server and worker, in the master, before each fork."),
    Setting("post_fork", HOOKS, "", HOOK_2, None,
            "Called with server and worker, in the worker, before the application is imported."),
    Setting("post_worker_init", HOOKS, "", HOOK_1, None,
            "Called with the worker, in it, when the application is imported. What it puts into "
            "worker.wsgi is what is served."),
    Setting("worker_int", HOOKS, "", HOOK_1, None,
            "Called with the worker, in it, when it gets SIGINT or SIGQUIT."),
    Setting("control_socket", CONTROL, "--control-socket", STRING, None,
            "The socket by which licornectl and gunicornc steer the server. Unset, gunicorn.ctl in "
            "$XDG_RUNTIME_DIR, else in $HOME/.gunicorn. If another server answers there, the name "
            "gets the process's number."),
    Setting("control_socket_mode", CONTROL, "--control-socket-mode", OCTAL, 0o600,
            "The mode of that socket's file: who may steer the server."),
    Setting("control_socket_disable", CONTROL, "--no-control-socket", BOOL, False,
            "Have no control socket."),

    Setting("worker_abort", HOOKS, "", HOOK_1, None,
            "Called with the worker, in it, when it is ended after its timeout, and whenever it "
            "gets SIGABRT, if Python still runs."),
    Setting("pre_exec", HOOKS, "", HOOK_1, None,
            "Called with the server, in the process that is about to become the new master."),
    Setting("pre_request", HOOKS, "", HOOK_2, None,
            "Called with worker and request before the application is. It may change the "
            "request's headers, scheme, path and the like."),
    Setting("post_request", HOOKS, "", HOOK_2_TO_4, None,
            "Called with worker, request, environ and response when the response was given; it "
            "may take the first two or three only."),
    Setting("child_exit", HOOKS, "", HOOK_2, None,
            "Called with server and worker, in the master, when a worker has ended."),
    Setting("worker_exit", HOOKS, "", HOOK_2, None,
            "Called with server and worker, in the worker, as its last act."),
    Setting("nworkers_changed", HOOKS, "", HOOK_3, None,
            "Called with the server and the new and old number of workers, in the master."),
    Setting("on_exit", HOOKS, "", HOOK_1, None,
            "Called with the server, in the master, as its last act."),

    own_of_master("boot_timeout", WORKERS, "--boot-timeout", SECONDS, 0,
        "Seconds after which a worker that has not become ready is ended, as one that failed to "
        "boot; 0 lifts the limit."),
    own("inline", WORKERS, "--no-inline", BOOL_OFF, True,
        "Whether the thread that reads requests runs them, too. Without it a thread of its own "
        "reads and writes, and each request changes threads."),
    own("health_path", SOCKET, "--health-path", HEALTH_PATH, None,
        "A path that the engine answers itself, however busy the application is: 200 while it "
        "serves, 503 while it imports the application and while it leaves."),
    own("queue_size", WORKERS, "--queue-size", POS_INT, 0,
        "The most requests of a worker that may wait for a thread (else 503); 0 lifts the limit."),
    own("queue_timeout", WORKERS, "--queue-timeout", SECONDS, 0,
        "Seconds that a request may wait for a thread (else 503); 0 lifts the limit."),
    own("ignore_half_close", WORKERS, "--ignore-half-close", BOOL, False,
        "Drop a waiting request whose client has ended its side of the connection."),
    own("limit_request_body", SECURITY, "--limit-request-body", SIZE, 0,
        "The most bytes in a body (else 413); 0 lifts the limit."),
    own("strict_host", SECURITY, "--strict-host", BOOL, False,
        "Refuse HTTP/1.1 requests without a Host field."),
    own("body_memory", MEMORY, "--body-memory", SIZE, 65536,
        "Bytes of a request body kept in memory; more goes to a file."),
    own("body_file", MEMORY, "--body-file", SIZE, 16777216,
        "Bytes of a request body kept in a file; a larger body is streamed."),
    own("body_buffering", MEMORY, "--no-body-buffering", BOOL_OFF, True,
        "Whether bodies are complete before the application is called."),
    own("response_memory", MEMORY, "--response-memory", SIZE, 1048576,
        "Bytes of a response that wait in memory for a slow reader; more goes to a file."),
    own("response_file", MEMORY, "--response-file", SIZE, 268435456,
        "Bytes of a response that wait in a file; beyond, the application waits."),
    own("header_timeout", RATES, "--header-timeout", SECONDS, 30,
        "Seconds that a request head may take (else 408); 0 lifts the limit."),
    own("body_min_rate", RATES, "--body-min-rate", SIZE, 240,
        "Bytes a second that a body must bring; 0 lifts the limit."),
    own("send_min_rate", RATES, "--send-min-rate", SIZE, 240,
        "Bytes a second of a response that a client must take; 0 lifts the limit."),
    own("min_rate_window", RATES, "--min-rate-window", WINDOW, 20,
        "Seconds over which the two rates are judged."),

    Setting("http_parser", WORKERS, "--http-parser", one_of("auto", "fast", "python"), "auto",
            "Accepted and without effect: the engine's own parser is the only one."),
    Setting("dirty_apps", DIRTY, "--dirty-app", STRING_LIST, [],
            "Applications for Gunicorn's dirty workers. Licorne has none, and does not start if it "
            "is to run any."),
    Setting("dirty_workers", DIRTY, "--dirty-workers", COUNT, 0,
            "The number of dirty workers. Must be 0 if dirty_apps names any."),
    Setting("dirty_timeout", DIRTY, "--dirty-timeout", COUNT, 300,
            "Seconds that a task may take. Without effect, as there are no dirty workers."),
    Setting("dirty_threads", DIRTY, "--dirty-threads", COUNT, 1,
            "Threads of a dirty worker. Without effect, as there are none."),
    Setting("dirty_graceful_timeout", DIRTY, "--dirty-graceful-timeout", COUNT, 30,
            "Seconds that dirty workers get to finish. Without effect, as there are none."),
    Setting("on_dirty_starting", DIRTY_HOOKS, "", HOOK_1, None,
            "Called before dirty workers start, which they do not."),
    Setting("dirty_post_fork", DIRTY_HOOKS, "", HOOK_2, None,
            "Called for each dirty worker, and so never."),
    Setting("dirty_worker_init", DIRTY_HOOKS, "", HOOK_1, None,
            "Called in each dirty worker, and so never."),
    Setting("dirty_worker_exit", DIRTY_HOOKS, "", HOOK_2, None,
            "Called when a dirty worker ends, and so never."),
)

# fmt: on


PENDING = tuple(Setting(*row, is_later=True) for row in pending.ROWS)
BY_NAME = {setting.name: setting for setting in (*SETTINGS, *PENDING)}


def register(row):
    """One more setting, or another row for one there is: somebody's own (custom.py)."""
    BY_NAME[row.name] = row


def is_later_default(name, value):
    """Whether `value` asks for no more than what this version does anyway."""
    default = BY_NAME[name].default
    if value is None or (not default and not value):
        return True
    check = BY_NAME[name].kind.check
    return default is not None and check(value) == check(default)
