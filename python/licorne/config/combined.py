"""What is wrong with settings only in combination."""

from licorne.config.types import shown
from licorne.errors import ConfigError


def check(config):
    """Raises ConfigError, which names both settings and where they came from."""
    if config.dirty_apps and config.dirty_workers > 0:
        raise ConfigError(
            "licorne has no dirty workers, so nothing would run dirty_apps; "
            "remove both settings, or set dirty_workers to 0.",
            lead=_lead(config, "dirty_apps") + "\n" + _lead(config, "dirty_workers"),
        )


def _lead(config, name):
    return f"Invalid value for {name}: {shown(config.values[name])} ({config.origins[name]})"
