"""The setting raw_env: variables that the application finds in its environment."""

import os

from licorne.errors import ConfigError


def variables(raw_env):
    """-> name: value. ConfigError for an item without '='."""
    found = {}
    for item in raw_env:
        name, equals, value = item.partition("=")
        if not equals:
            raise ConfigError(f"environment setting {item!r} invalid")
        found[name] = value
    return found


def enter(raw_env):
    """-> what restore() takes: how these variables were before"""
    new = variables(raw_env)
    before = {name: os.environ.get(name) for name in new}
    os.environ.update(new)
    return before


def restore(before):
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
