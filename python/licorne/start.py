"""Where and how the process began, before any configuration changed it.

HUP reads the configuration from there, and USR2 begins there anew: `chdir` and what a configuration
file does to the environment must not count twice.
"""

import os

from licorne.config.types import getcwd


class Start:
    __slots__ = ("cwd", "environ", "read")

    def __init__(self):
        self.cwd = getcwd()
        self.environ = dict(os.environ)
        self.read = None  # () -> (Config, application): the command line and all other sources
