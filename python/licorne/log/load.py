"""logger_class: from what the setting holds to a logger that is set up."""

from licorne.errors import ConfigError
from licorne.log.logger import Logger

# Names under which configurations ask for what is built in.
STOCK = (
    "simple",
    "gunicorn.glogging.Logger",
    "licorne.glogging.Logger",
    "egg:gunicorn#simple",
    "egg:licorne#simple",
)
STATSD = ("gunicorn.instrument.statsd.Statsd", "licorne.log.statsd.Statsd")


def logger_class(config):
    """-> the class that the configuration names; ConfigError"""
    named = config.values["logger_class"]
    if named in STOCK and config.statsd_host is None:
        return Logger
    if named in STOCK or named in STATSD:
        from licorne.log.statsd import Statsd

        return Statsd
    found = _load(named) if isinstance(named, str) else named
    if hasattr(found, "install"):
        found.install()
    return found


def logger(config):
    """-> a logger, set up; ConfigError"""
    made = config.logger_class
    try:
        return made(config)
    except RuntimeError as error:
        raise ConfigError(str(error)) from None


def _load(uri):
    """`module.Class`, or `egg:distribution#name` of the group gunicorn.loggers."""
    try:
        if uri.startswith("egg:"):
            return _entry_point(*uri[4:].partition("#")[::2])
        from importlib import import_module

        module, dot, name = uri.rpartition(".")
        if not dot:
            raise ImportError("a class is named as module.Class")
        return getattr(import_module(module), name)
    except Exception:
        import traceback

        raise ConfigError(
            f"class uri {uri!r} invalid or not found: \n\n[{traceback.format_exc()}]"
        ) from None


def _entry_point(distribution, name):
    from importlib.metadata import distribution as find

    for point in find(distribution).entry_points:
        if point.group == "gunicorn.loggers" and point.name == (name or "main"):
            return point.load()
    raise ImportError(f"{distribution} has no entry point {name!r} in gunicorn.loggers")
