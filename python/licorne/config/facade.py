"""What other people's code asks of a configuration, beside the settings themselves.

Hooks, worker classes and tools read `cfg`. A setting is an attribute, `cfg.settings` has each as an
object, and a few attributes derive from several settings. Nothing here is made before it is asked
for.
"""

import os

from licorne.config.address import parse_address
from licorne.config.settings import BY_NAME


def nothing(*arguments):
    """What a hook that is not set does."""


class SettingView:
    """A setting of one configuration, as `cfg.settings[NAME]`."""

    def __init__(self, config, row):
        self._config = config
        self._row = row
        self.name = row.name
        self.section = row.section
        self.cli = row.flags or None
        self.default = row.default
        self.short = self.desc = row.help

    def get(self):
        return self._config.values[self.name]

    def set(self, value):
        self._config.set(self.name, value)

    value = property(get)

    def __repr__(self):
        return f"<Setting {self.name} = {self.get()!r}>"


class Facade:
    """Base of Config, which has `values` and `environ`."""

    @property
    def settings(self):
        return {name: SettingView(self, BY_NAME[name]) for name in self.values}

    @property
    def worker_class_str(self):
        chosen = self.values["worker_class"]
        return "gthread" if chosen == "sync" and self.threads > 1 else chosen

    @property
    def logger_class(self):
        from licorne.log.load import logger_class

        return logger_class(self)

    @property
    def worker_class(self):
        from licorne.worker import Worker

        return Worker

    @property
    def address(self):
        return [_address(parse_address(text)) for text in self.bind]

    @property
    def uid(self):
        user = self.values["user"]
        return os.geteuid() if user is None else user

    @property
    def gid(self):
        group = self.values["group"]
        return os.getegid() if group is None else group

    @property
    def proc_name(self):
        return self.values["proc_name"] or self.default_proc_name

    @property
    def sendfile(self):
        value = self.values["sendfile"]
        if value is not None:
            return value
        word = self.environ.get("SENDFILE")
        return word is None or word.lower() in ("y", "1", "yes", "true")

    @property
    def is_ssl(self):
        return self.certfile or self.keyfile

    @property
    def ssl_options(self):
        return {name: self.values[name] for name, row in BY_NAME.items() if row.section == "SSL"}

    @property
    def env(self):
        found = {}
        for item in self.raw_env:
            name, equals, value = item.partition("=")
            if not equals:
                raise RuntimeError(f"environment setting {item!r} invalid")
            found[name] = value
        return found

    @property
    def paste_global_conf(self):
        found = {}
        for item in self.raw_paste_global_conf:  # \= is a = of the name or of the value
            name, equals, value = item.replace("\\=", "\0").partition("=")
            if not equals:
                raise RuntimeError(f"environment setting {item!r} invalid")
            found[name.replace("\0", "=")] = value.replace("\0", "=")
        return found

    def forwarded_allow_networks(self):
        return _networks(self.forwarded_allow_ips)

    def proxy_allow_networks(self):
        return _networks(self.values["proxy_allow_ips"])

    def __str__(self):
        """Each setting on a line, as --print-config shows them."""
        width = max(map(len, self.values))
        return "\n".join(
            f"{name:{width}} = {_text(self.values[name])}" for name in sorted(self.values)
        )


def _text(value):
    return f"<{value.__qualname__}()>" if callable(value) else str(value)


def _address(parsed):
    return (parsed[1], parsed[2]) if parsed[0] == "tcp" else parsed[1]


def _networks(items):
    from ipaddress import ip_network

    return [ip_network(item) for item in items if item != "*"]
