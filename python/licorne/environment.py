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


class Environment:
    """os.environ with those of one configuration at a time."""

    def __init__(self):
        self.before = {}

    def enter(self, raw_env):
        """Those of another configuration leave first."""
        new = variables(raw_env)
        self.leave()
        self.before = {name: os.environ.get(name) for name in new}
        os.environ.update(new)

    def leave(self):
        """As it was before: what reads a configuration must not find the last one's variables."""
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self.before = {}
