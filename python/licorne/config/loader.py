"""Where settings come from, lowest first:

    defaults (four of them from the environment)  < an embedding application
      < the configuration file  < $GUNICORN_CMD_ARGS  < $LICORNE_CMD_ARGS  < the command line

Exactly one configuration file is read. It is Python, runs in the master before anything is bound or
forked, and each of its globals that is named like a setting becomes that setting. Every value
remembers its origin, so that an error can say where to look.
"""

import os
import sys

from licorne.config import cmdline, combined
from licorne.config.address import parse_address
from licorne.config.facade import Facade, nothing
from licorne.config.nearest import nearest
from licorne.config.origin import FileOrigin
from licorne.config.settings import BY_NAME, ENVIRONMENT, is_later_default
from licorne.config.types import shown
from licorne.errors import ConfigError, UsageError

# What applies to the variables GUNICORN_CMD_ARGS and LICORNE_CMD_ARGS, lowest first.
ARGUMENT_VARIABLES = ("GUNICORN_CMD_ARGS", "LICORNE_CMD_ARGS")

# Licorne's own name wins: who has both wrote it to differ from what Gunicorn reads.
DEFAULT_FILES = ("licorne.conf.py", "gunicorn.conf.py")


class Config(Facade):
    """The settings by name, as attributes; and what derives from several of them."""

    def __init__(self, environ):
        vars(self).update(environ=environ, env_orig=dict(environ), values={}, origins={})
        for row in BY_NAME.values():
            self.begin(row)

    def __getattr__(self, name):
        try:
            value = self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(f"No configuration setting for: {name}") from None
        if value is None and BY_NAME[name].is_hook:
            return nothing  # worker classes of other people call what they find
        return value

    def __setattr__(self, name, value):
        if name in self.values:
            raise AttributeError("Invalid access!")
        object.__setattr__(self, name, value)

    def begin(self, row):
        """Give a setting its default."""
        value, origin = row.initial(self.environ)
        if value is None:
            self.values[row.name], self.origins[row.name] = value, origin
        else:
            self.apply(row.name, value, origin)

    def set(self, name, value, origin="the application"):
        """For other people's code: what is raised is what the validator raises."""
        if name not in BY_NAME:
            raise AttributeError(f"No configuration setting for: {name}")
        self.values[name] = self._checked(BY_NAME[name], value)
        self.origins[name] = origin

    def apply(self, name, value, origin):
        """-> nothing; ConfigError names the value, where it came from, and what is allowed"""
        row = BY_NAME.get(name)
        if row is None:
            raise ConfigError(f"No configuration setting for: {name}")
        try:
            if row.kind.cli and origin == "$" + str(ENVIRONMENT.get(name)):
                value = row.kind.cli(value)
            self.set(name, value, origin)
        except Exception as error:  # a value may be an object of the user's own, and raise anything
            raise ConfigError(
                f"{error}\n{name} {row.kind.allowed}",
                lead=f"Invalid value for {name}: {shown(value)} ({origin})",
            ) from None

    def _checked(self, row, value):
        checked = row.default if row.is_later and value is None else row.kind.check(value)
        if row.is_later and not is_later_default(row.name, value):
            raise ValueError(
                f"this version of licorne does not have the setting {row.name!r} yet; "
                f"remove it, or leave it at its default, {row.default!r}."
            )
        if row.name == "bind":
            for text in checked:
                parse_address(text)
        return checked

    def hook(self, name):
        """The function that the configuration set for a hook, or None: nothing is to be called."""
        return self.values[name]

    def addresses(self):
        return [parse_address(text) for text in self.bind]

    def engine(self):
        """What the engine is given: plain values, limits as Gunicorn applies them (0 = none)."""
        out = {row.name: self.values[row.name] for row in BY_NAME.values() if row.engine}
        out["sendfile"] = self.sendfile
        out["secure_scheme_headers"] = list(self.secure_scheme_headers.items())
        out["limit_request_line"] = min(self.limit_request_line, 8190)
        if not 0 < self.limit_request_fields <= 32768:
            out["limit_request_fields"] = 32768
        if self.limit_request_field_size == 0:
            out["limit_request_field_size"] = 8190
        return out


def load(argv, environ=os.environ, framework=None):
    """-> (Config, positional arguments). Raises ConfigError or UsageError.

    framework: values that an embedding application gives, above the defaults only.
    """
    command, *others = parse_all(argv, environ)
    layers = [*others, command]
    config = Config(environ)
    if command.args:  # before the file, which may say otherwise
        config.set("default_proc_name", command.args[0], "command line")
    enter_chdir(config)
    for name, value in (framework or {}).items():
        config.apply(name.lower(), value, "the application")
    named = [line.values["config"] for line in layers if "config" in line.values]
    path = named[-1] if named else _default_file()
    if path:
        if os.path.basename(path) == DEFAULT_FILES[0]:
            config.apply("config", path, "default")
        _apply_file(config, path)
    for line in layers:
        for name, value in line.values.items():
            config.apply(name, value, line.origin)
    enter_chdir(config)
    combined.check(config)
    return config, command.args


def parse_all(argv, environ):
    """-> the command line, then those of the environment, lowest first"""
    lines = [cmdline.parse(argv)]
    for variable in ARGUMENT_VARIABLES:
        if variable in environ:
            lines.append(_split(environ[variable], variable))
            lines[-1].origin = "$" + variable
    return lines


def enter_chdir(config):
    os.chdir(config.chdir)
    if config.chdir not in sys.path:
        sys.path.insert(0, config.chdir)


def enter_pythonpath(config):
    for path in (config.pythonpath or "").split(","):
        if path and os.path.abspath(path) not in sys.path:
            sys.path.insert(0, os.path.abspath(path))


def _split(text, variable):
    from shlex import split

    try:
        return cmdline.parse(split(text))
    except UsageError as error:
        raise UsageError(f"{error}\n${variable}: {text}") from None
    except ValueError as error:
        raise ConfigError(str(error), lead=f"Invalid value for ${variable}: {text}") from None


def _default_file():
    found = next(filter(os.path.exists, DEFAULT_FILES), None)
    return found and os.path.join(os.getcwd(), found)


def _apply_file(config, location):
    if location.startswith("python:"):
        found, path = _import_module(location[7:])
    else:
        path = location.removeprefix("file:")
        found = _run_file(path)
        path = os.path.abspath(path)
    for row in BY_NAME.values():
        if row.name not in config.values:  # one that the file itself defines
            config.begin(row)
    for name, value in list(found.items()):
        if name in BY_NAME:
            config.apply(name, value, FileOrigin(path, name))
        elif not name.startswith("_"):
            _warn_if_close(name, value, path, found)


def _import_module(name):
    from importlib import import_module

    try:
        module = import_module(name)
    except ImportError as error:
        raise ConfigError(str(error)) from None
    except Exception:
        raise _failed_to_read(name) from None
    return vars(module), getattr(module, "__file__", name)


def _run_file(path):
    if not os.path.exists(path):
        raise ConfigError(f"{path!r} doesn't exist")
    if os.path.splitext(path)[1] not in (".py", ".pyc"):
        print("!!!\n!!! WARNING: configuration file should have a valid Python extension.\n",
              file=sys.stderr)  # fmt: skip
    module = type(sys)("__config__")
    module.__file__ = os.path.abspath(path)
    sys.modules["__config__"] = module
    try:
        exec(_compile(path, module.__file__), vars(module))
    except Exception:
        raise _failed_to_read(path) from None
    return vars(module)


def _compile(path, name):
    if path.endswith(".pyc"):
        from importlib.machinery import SourcelessFileLoader

        return SourcelessFileLoader("__config__", path).get_code("__config__")
    with open(path, "rb") as file:
        return compile(file.read(), name, "exec")


def _failed_to_read(path):
    """Called while the exception is being handled. The traceback begins in the user's file."""
    from traceback import format_exception

    kind, error, trace = sys.exc_info()
    while trace and os.path.dirname(trace.tb_frame.f_code.co_filename) == os.path.dirname(__file__):
        trace = trace.tb_next
    text = "".join(format_exception(kind, error, trace)).rstrip()
    return ConfigError("", lead=f"Failed to read config file: {path}\n{text}")


def _warn_if_close(name, value, path, found):
    """A word beside the setting that it resembles is a helper's: `workers = worker * 2`"""
    if isinstance(value, (type(sys), type)):
        return
    rows = [row for row in BY_NAME.values() if row.name not in found]
    if callable(value):
        rows = [row for row in rows if not row.flags]  # hooks
    known = nearest(name, [row.name for row in rows])
    if known:
        print(
            f"Warning: {FileOrigin(path, name)}: {name!r} is not a setting and has no effect; "
            f"did you mean {known!r}?",
            file=sys.stderr,
        )
