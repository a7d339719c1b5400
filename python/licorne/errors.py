"""The few exceptions that cross module borders."""


class ConfigError(Exception):
    """A setting that cannot be used. `lead` is printed above the `Error:` line."""

    def __init__(self, message, lead=""):
        super().__init__(message)
        self.lead = lead


class UsageError(Exception):
    """A command line that cannot be read: usage and exit status 2."""


class AppImportError(Exception):
    """The module was imported, but holds no such application: worker exit status 4."""
