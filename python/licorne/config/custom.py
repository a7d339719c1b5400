"""Settings that people add: a subclass of Setting is one more row of the table.

    class Region(Setting):
        name = "region"
        section = "Ours"
        cli = ["--region"]
        default = "eu"

One that exists before the command line is read has its flags there; one that a configuration file
defines can be set in that file. The attributes are Gunicorn's.
"""

from licorne.config import settings
from licorne.config.types import BOOL, Kind, to_string

KNOWN_SETTINGS = []

_ACTIONS = {"store_true": "true", "store_false": "false", "append": "append"}


class Setting:
    name = section = cli = type = meta = action = default = short = desc = nargs = const = None
    validator = None

    def __init_subclass__(cls, **words):
        super().__init_subclass__(**words)
        if cls.name is None:  # a base of other settings
            return
        KNOWN_SETTINGS[:] = [known for known in KNOWN_SETTINGS if known.name != cls.name]
        KNOWN_SETTINGS.append(cls)
        settings.register(_row(cls))


def _row(cls):
    given = cls.__dict__.get("validator") or cls.validator
    check = to_string if given is None else getattr(given, "__func__", given)
    action = _ACTIONS.get(cls.action, "store")
    if cls.action == "store_const":
        action = "true" if cls.const else "false"
    if given is None and action in ("true", "false"):
        check = BOOL.check
    kind = Kind(check, "is what its own validator accepts.", cls.type, _name(cls.type), action)
    theirs = settings.BY_NAME.get(cls.name)
    is_engine = theirs is not None and theirs.engine
    if theirs is not None:  # their default or rule for a setting of ours: ours holds as well
        kind = Kind(_both(check, theirs.kind.check), theirs.kind.allowed, cls.type,
                    _name(cls.type), action)  # fmt: skip
    text = " ".join((cls.desc or cls.short or "").split())
    row = (cls.name, cls.section or "Custom", " ".join(cls.cli or ()), kind, cls.default, text)
    return settings.Setting(*row, engine=is_engine)


def _both(first, second):
    return lambda value: second(first(value))


def _name(function):
    return getattr(function, "__name__", "")
