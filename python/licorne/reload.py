"""HUP: the configuration is read anew, tried by a first worker, and kept or given up.

    Reloads.read()           all of it at once, or nothing has changed and the reason is logged
    Reloads.ended("proven")  its first worker is ready
    Reloads.ended("failed")  none could boot: what was before holds again
    Reloads.ended("settled") no process of another generation lives: its sockets can go

The C master decides when (src/super/master.h); this is what it means in Python.
"""

import os
import sys
import traceback

from licorne import glogging, sock
from licorne.config import loader
from licorne.errors import ConfigError

STAYS = "The workers and the configuration of before stay."


class Generation:
    """What a HUP replaces."""

    __slots__ = ("config", "uri", "listeners")

    def __init__(self, config, uri, listeners):
        self.config = config
        self.uri = uri
        self.listeners = listeners


class Reloads:
    def __init__(self, master, listeners):
        self.master = master
        self.now = Generation(master.config, master.uri, listeners)
        self.good = None  # what was before, while `now` is on trial
        self.listeners = list(listeners)  # all that are open

    def read(self):
        """-> the engine's new configuration, or None"""
        before = self.now
        cwd = os.getcwd()
        conf_module = sys.modules.get("__config__")
        try:
            new = self._prepare()
        except BaseException as error:  # a configuration file may raise anything, SystemExit too
            os.chdir(cwd)
            if conf_module is not None:
                sys.modules["__config__"] = conf_module
            self._take(before)
            self.master.log_to.error("Reload failed: %s\n%s", _reason(error), STAYS)
            return None
        self.listeners += [one for one in new.listeners if one not in self.listeners]
        if self.good is None:
            self.good = before
        self.now = new
        if new.listeners != before.listeners:
            self.master.say_listening(new.listeners)
        self.master.reloaded()
        return self.master.engine_config(new.listeners)

    def _prepare(self):
        master = self.master
        os.chdir(master.start.cwd)
        master.environment.leave()
        _forget_module(master.config.config)
        config, uri = master.start.read()
        master.environment.enter(config.raw_env)
        loader.enter_pythonpath(config)
        master.config, master.uri = config, uri
        master.log_to = glogging.setup(config)
        if config.preload_app and master.app is None and not master.preload():
            raise ConfigError("the application could not be loaded")
        try:
            listeners = sock.create_sockets(config, master.log_to, self.now.listeners, tries=1)
        except SystemExit:  # it has logged which, and why
            raise ConfigError("not every address can be bound") from None
        return Generation(config, uri, listeners)

    def _take(self, generation):
        master = self.master
        is_other = master.config is not generation.config
        master.config, master.uri = generation.config, generation.uri
        master.environment.enter(generation.config.raw_env)
        if is_other:
            master.log_to = glogging.setup(generation.config)

    def ended(self, how):
        if how == "proven":
            self.good = None
        elif how == "failed":
            self.now, self.good = self.good, None
            self._take(self.now)
        else:
            is_ours = not self.master.upgrades.is_shared
            self._close_others(lambda others: sock.close_all(others, unlink=is_ours))

    def leave_others(self):
        """In a new worker: sockets of another generation must not live on in it."""
        self._close_others(lambda others: sock.close_all(others, unlink=False))

    def _close_others(self, close):
        close([one for one in self.listeners if one not in self.now.listeners])
        self.listeners = list(self.now.listeners)


def _forget_module(location):
    """`python:module` would be found in memory, as it was."""
    if location.startswith("python:"):
        sys.modules.pop(location[7:], None)


def _reason(error):
    if isinstance(error, ConfigError):
        return "\n".join(filter(None, [error.lead, str(error)]))
    if isinstance(error, SystemExit):
        return f"the configuration ended with SystemExit({error.code!r})"
    return traceback.format_exc().rstrip()
