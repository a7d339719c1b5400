"""Where settings come from, lowest first:

    defaults (four of them from the environment)
      < the configuration file  < $GUNICORN_CMD_ARGS  < $LICORNE_CMD_ARGS  < the command line

Exactly one configuration file is read. It is Python, runs in the master before anything is bound or
forked, and each of its globals that is named like a setting becomes that setting. Every value
remembers its origin, so that an error can say where to look.
"""

import os
import sys

from licorne.config import cmdline
from licorne.config.address import parse_address
from licorne.config.settings import BY_NAME, LATER, SETTINGS, is_later_default
from licorne.config.types import shown
from licorne.errors import ConfigError

# What applies to the variables GUNICORN_CMD_ARGS and LICORNE_CMD_ARGS, lowest first.
ARGUMENT_VARIABLES = ("GUNICORN_CMD_ARGS", "LICORNE_CMD_ARGS")


class Config:
    """The settings by name, as attributes. What derives from several of them is a method."""

    def __init__(self, environ):
        self.environ = environ
        self.values = {}
        self.origins = {}
        for setting in SETTINGS:
            value, origin = setting.initial(environ)
            if value is None:
                self.values[setting.name] = None
                self.origins[setting.name] = origin
            else:
                self.set(setting.name, value, origin)

    def __getattr__(self, name):
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(f"No configuration setting for: {name}") from None

    def set(self, name, value, origin="set()"):
        setting = BY_NAME.get(name)
        if setting is None:
            raise AttributeError(f"No configuration setting for: {name}")
        try:
            self.values[name] = setting.kind.check(value)
            if name == "bind":
                for text in self.values[name]:
                    parse_address(text)
        except Exception as error:  # a value may be an object of the user's own, and raise anything
            raise ConfigError(
                f"{error}\n{name} {setting.kind.allowed}",
                lead=f"Invalid value for {name}: {shown(value)} ({origin})",
            ) from None
        self.origins[name] = str(origin)

    @property
    def proc_name(self):
        return self.values["proc_name"] or self.default_proc_name

    def addresses(self):
        return [parse_address(text) for text in self.bind]

    def use_sendfile(self):
        if self.sendfile is not None:
            return self.sendfile
        word = self.environ.get("SENDFILE")
        return word is None or word.lower() in ("y", "1", "yes", "true")

    def engine(self):
        """What the engine is given: plain values, limits as Gunicorn applies them (0 = none)."""
        out = {setting.name: self.values[setting.name] for setting in SETTINGS if setting.engine}
        out["sendfile"] = self.use_sendfile()
        out["secure_scheme_headers"] = list(self.secure_scheme_headers.items())
        out["limit_request_line"] = min(self.limit_request_line, 8190)
        if not 0 < self.limit_request_fields <= 32768:
            out["limit_request_fields"] = 32768
        if self.limit_request_field_size == 0:
            out["limit_request_field_size"] = 8190
        return out


class FileOrigin:
    """Names file and line of a global, looking for the line only when somebody asks."""

    __slots__ = ("path", "name")

    def __init__(self, path, name):
        self.path = path
        self.name = name

    def __str__(self):
        line = _line_of(self.path, self.name)
        return f"{self.path}, line {line}" if line else str(self.path)


def load(argv, environ=os.environ):
    """-> (Config, positional arguments). Raises ConfigError or UsageError."""
    layers = []
    for variable in ARGUMENT_VARIABLES:
        if variable in environ:
            layers.append((_split(environ[variable], variable), "$" + variable))
    command = cmdline.parse(argv)
    layers.append((command, "command line"))

    config = Config(environ)
    if command.args:  # before the file, which may say otherwise
        config.set("default_proc_name", command.args[0], "command line")
    enter_chdir(config)
    named = [layer.values["config"] for layer, _ in layers if "config" in layer.values]
    path = named[-1] if named else _default_file()
    if path:
        config.set("config", path, "")
        _apply_file(config, path)
    for layer, origin in layers:
        for name, value in layer.values.items():
            config.set(name, value, origin)
    enter_chdir(config)
    return config, command.args


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
    except ValueError as error:
        raise ConfigError(str(error), lead=f"Invalid value for ${variable}: {text}") from None


def _default_file():
    """Licorne's own name wins: who has both wrote it to differ from what Gunicorn reads."""
    for name in ("licorne.conf.py", "gunicorn.conf.py"):
        if os.path.exists(name):
            return os.path.join(os.getcwd(), name)
    return None


def _apply_file(config, location):
    if location.startswith("python:"):
        found, path = _import_module(location[7:])
    else:
        path = location.removeprefix("file:")
        found = _run_file(path)
    for name, value in list(found.items()):
        if name in BY_NAME:
            config.set(name, value, FileOrigin(path, name))
        elif name in LATER:
            _refuse_later(name, value, FileOrigin(path, name))
        elif not name.startswith("_"):
            _warn_if_close(name, value, path)


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


def _refuse_later(name, value, origin):
    if is_later_default(name, value):
        return
    default = LATER[name][1]
    raise ConfigError(
        f"this version of licorne does not have the setting {name!r} yet; "
        f"remove it, or leave it at its default, {default!r}.",
        lead=f"Invalid value for {name}: {shown(value)} ({origin})",
    )


def _warn_if_close(name, value, path):
    if isinstance(value, (type(sys), type)):
        return
    for known in (*BY_NAME, *LATER):
        if is_one_edit(name, known):
            print(
                f"Warning: {FileOrigin(path, name)}: {name!r} is not a setting and has no effect; "
                f"did you mean {known!r}?",
                file=sys.stderr,
            )
            return


def is_one_edit(a, b):
    """One letter more, less or other, or two neighbours swapped."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or rest_a[1:] == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    )


def _line_of(path, name):
    """The last line of a file that gives a global this name, or None."""
    import ast

    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None
    found = None
    for node in ast.walk(tree):
        is_name = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
        if is_name or getattr(node, "name", None) == name:
            found = max(found or 0, node.lineno)
    return found
