"""Validators: what a value may be, and what it becomes.

Coercions and messages are Gunicorn's, because configuration files lean on them and people search
for the messages. A `Kind` also knows how the value is spelled on a command line, and says in words
what is allowed; an error always ends with those words.
"""

import os

from licorne import identity
from licorne.config import accesslog


class Kind:
    """How one sort of value is checked, written as a flag, and explained."""

    __slots__ = ("check", "allowed", "cli", "cli_name", "action")

    def __init__(self, check, allowed, cli=None, cli_name="", action="store"):
        self.check = check
        self.allowed = allowed
        self.cli = cli  # converts the word of a command line; ValueError is a usage error
        self.cli_name = cli_name
        self.action = action  # store | append | true | false

    def within(self, least, most):
        """The same kind of number between two bounds, which its words then name."""
        check = self.check

        def check_bounded(value):
            number = check(value)
            if number < least:
                raise ValueError(f"Value must be at least {least}: {shown(value)}")
            if number > most:
                raise ValueError(f"Value must be at most {most}: {shown(value)}")
            return number

        allowed = self.allowed.format(least=least, most=most)
        return Kind(check_bounded, allowed, self.cli, self.cli_name, self.action)

    def at_most(self, most):
        """The same kind of list with so many items at the most."""
        check = self.check

        def check_counted(value):
            items = check(value)
            if len(items) > most:
                raise ValueError(f"More than {most} items: {len(items)}")
            return items

        allowed = f"{self.allowed.removesuffix('.')}; {most} at the most."
        return Kind(check_counted, allowed, self.cli, self.cli_name, self.action)

    @property
    def takes_value(self):
        return self.action in ("store", "append")


def shown(value):
    """A value in a message: there is always one, even if the value cannot be printed."""
    try:
        return str(value)
    except Exception:  # an integer of thousands of digits; an object of the user's own
        return f"<{type(value).__name__}>"


def to_pos_int(value):
    # A float raises TypeError with the message that users know.
    number = int(value) if isinstance(value, int) else int(value, 0)
    if number < 0:
        raise ValueError(f"Value must be positive: {shown(value)}")
    return number


def to_bool(value):
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise TypeError(f"Invalid type for casting: {value}")
    word = value.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(f"Invalid boolean: {value}")
    return word == "true"


def to_string(value):
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"Not a string: {value}")
    return value.strip()


def to_list_string(value):
    if not value:
        return []
    if isinstance(value, str):
        value = [value]
    return [to_string(item) for item in value]


def to_csv_list(value):
    words = (to_string(value) or "").split(",")
    return [word.strip() for word in words if word.strip()]


def to_addr_list(value):
    items = to_csv_list(value)
    if items and items not in (["*"], ["127.0.0.1", "::1"]):
        from ipaddress import ip_network  # slow to import, and the default never needs it

        for item in items:
            if item != "*":
                ip_network(item)
    return items


def to_dict(value):
    if not isinstance(value, dict):
        raise TypeError(f"Value is not a dictionary: {value} ")
    return value


def to_scheme_headers(value):
    for name, scheme in to_dict(value).items():
        if not isinstance(name, str) or not isinstance(scheme, str):
            raise TypeError(f"Not a string: {name if not isinstance(name, str) else scheme}")
    return value


def to_access_format(value):
    if value is None:
        return accesslog.FORMAT
    return accesslog.check(to_string(value))


LEVELS = ("debug", "info", "warning", "error", "critical")


def to_loglevel(value):
    word = (to_string(value) or "info").lower()
    if word not in LEVELS:  # Gunicorn takes a misspelled level for info without a word
        raise ValueError(f"Invalid log level: {value}")
    return word


def to_chdir(value):
    value = to_string(value)
    if value is None:
        raise TypeError("Not a string: None")
    path = os.path.abspath(os.path.normpath(os.path.join(getcwd(), value)))
    if not os.path.isdir(path):
        raise ValueError(f"can't chdir to {value!r}")
    return path


RELOAD_ENGINES = ("auto", "poll", "inotify")


def to_reload_engine(value):
    if value not in RELOAD_ENGINES:
        raise ValueError(f"Invalid reload_engine: {value!r}")
    return value


def is_pattern(path):
    return any(character in path for character in "*?[")


def to_files(value):
    """Patterns may match nothing yet; other paths must exist."""
    items = [value] if isinstance(value, str) else list(value or [])
    for path in items:
        if not isinstance(path, str):
            raise TypeError(f"Not a string: {shown(path)}")
        if not is_pattern(path) and not os.path.exists(path):
            raise ValueError(f"File {path} does not exists.")
    return items


def to_header_map(value):
    if value is None:
        return "drop"
    if not isinstance(value, str):
        raise TypeError(f"Invalid type for casting: {value}")
    word = value.lower().strip()
    if word not in ("drop", "refuse", "dangerous"):
        raise ValueError(f"Invalid header map behaviour: {value}")
    return word


# Every spelling under which people name the one worker class there is.
SYNC_NAMES = (
    "sync",
    "egg:gunicorn#sync",
    "gunicorn.workers.sync.SyncWorker",
    "licorne.workers.sync.SyncWorker",
)
GTHREAD_NAMES = (
    "gthread",
    "egg:gunicorn#gthread",
    "gunicorn.workers.gthread.ThreadWorker",
)


def to_health_path(value):
    if value is None or value == "":
        return None
    path = to_string(value)
    if not path.startswith("/") or any(c in path for c in "?# \r\n"):
        raise ValueError(f"Not a path: {value!r}")
    return path


def one_of(*words):
    """The kind of setting that takes one of some words, the first if it is None."""

    def check(value):
        word = words[0] if value is None else to_string(value).lower()
        if word not in words:
            raise ValueError(f"Invalid value: {value}")
        return word

    return Kind(check, f"takes one of: {', '.join(words)}.")


def to_worker_class(value):
    if value is None or to_string(value) in SYNC_NAMES:
        return "sync"
    if to_string(value) in GTHREAD_NAMES:
        return "gthread"
    raise ValueError(
        f"class uri {value!r} invalid or not found: this version has only 'sync' and 'gthread'"
    )


def to_hook(*arities):
    """A callable of just so many arguments, or where it is to be found, as `module.name`."""

    def check(value):
        if value is None:
            return None
        found = _imported(value) if isinstance(value, str) else value
        if not callable(found):
            raise TypeError(f"Value is not callable: {shown(value)}")
        if arity_of(found) not in arities:
            raise TypeError(f"Value must have an arity of: {' or '.join(map(str, arities))}")
        return found

    return check


def _imported(path):
    from importlib import import_module

    module, dot, name = path.rpartition(".")
    if not dot:
        raise TypeError(
            f"Value '{path}' is not import string. Format: module[.submodules...].object"
        )
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise TypeError(str(error)) from None
    except AttributeError:
        raise TypeError(f"Can not load '{name}' from '{module}'") from None


def arity_of(function):
    """How many arguments a callable takes by position: defaults count, *args do not."""
    from inspect import Parameter, signature

    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):  # in C, and not telling
        return None
    by_position = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in by_position for parameter in parameters)


def c_int(word):
    """Integers as C writes them: 0022 is octal. (Python's own int(word, 0) refuses that.)"""
    if len(word) > 1 and word[0] == "0" and word[1:].isdigit():
        return int(word, 8)
    return int(word, 0)


def getcwd():
    """$PWD when it is the same directory: deployments switch a symlink called `current`."""
    cwd = os.getcwd()
    try:
        here, there = os.stat(cwd), os.stat(os.environ["PWD"])
        if (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev):
            return os.environ["PWD"]
    except (KeyError, OSError):
        pass
    return cwd


STRING = Kind(to_string, "takes a string, or None.")
HEALTH_PATH = Kind(to_health_path, "takes a path that begins with /, without a query.")
STRING_LIST = Kind(to_list_string, "takes a string or a list of strings.", action="append")
ADDRESSES = Kind(
    to_list_string,
    "takes HOST, HOST:PORT, [IPV6]:PORT, unix:PATH or fd://N, or a list of these.",
    action="append",
)
COUNT = Kind(to_pos_int, "takes an integer, 0 or more.", int, "int")
# Numbers that the engine is given: their bounds are the setting's, from bounds.py.
POS_INT = Kind(to_pos_int, "takes an integer, {least} to {most}.", int, "int")
SIZE = Kind(to_pos_int, "takes a number of bytes, {least} to {most}.", int, "int")
SECONDS = Kind(to_pos_int, "takes a number of seconds, {least} to {most}.", int, "int")
WINDOW = Kind(
    to_pos_int,
    "takes a number of seconds, {least} to {most}; "
    "to judge no rate, set body_min_rate and send_min_rate to 0.",
    int,
    "int",
)
OCTAL = Kind(to_pos_int, "takes an integer, {least} to {most}, such as 0o022.", c_int, "auto_int")
BOOL = Kind(to_bool, "takes True or False.", action="true")
BOOL_OFF = Kind(to_bool, "takes True or False.", action="false")
USER = Kind(identity.to_user, "takes the name or the number of a user.")
GROUP = Kind(identity.to_group, "takes the name or the number of a group.")
RELOAD_ENGINE = Kind(to_reload_engine, f"takes one of: {', '.join(RELOAD_ENGINES)}.")
FILES = Kind(
    to_files,
    "takes the path of a file that exists, a pattern (*, ? or [ in it), or a list of these.",
    action="append",
)
CHDIR = Kind(to_chdir, "takes the path of a directory that exists.")
ADDR_LIST = Kind(
    to_addr_list, "takes IP addresses and networks (10.0.0.0/8), separated by commas, or *."
)
CSV_LIST = Kind(to_csv_list, "takes names separated by commas.")
DICT = Kind(to_scheme_headers, "takes a dictionary of strings.")
HEADER_MAP = Kind(to_header_map, "takes one of: drop, refuse, dangerous.")
ACCESS_FORMAT = Kind(
    to_access_format,
    "takes text with atoms: %(h)s, %({Header}i)s and their like, numbers also as %(D)d; "
    "a percent sign is written %%.",
)
HOOK_1 = Kind(to_hook(1), "takes a function of 1 argument, or its name as module.function.")
HOOK_2 = Kind(to_hook(2), "takes a function of 2 arguments, or its name as module.function.")
HOOK_3 = Kind(to_hook(3), "takes a function of 3 arguments, or its name as module.function.")
HOOK_2_TO_4 = Kind(  # post_request: (worker, req[, environ[, resp]])
    to_hook(2, 3, 4), "takes a function of 2, 3 or 4 arguments, or its name as module.function."
)
LOGLEVEL = Kind(to_loglevel, f"takes one of: {', '.join(LEVELS)}.")
WORKER_CLASS = Kind(to_worker_class, "takes one of: sync, gthread.")
