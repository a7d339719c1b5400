"""The setting reload: a thread in each worker that calls back when a file of the application has
changed.

Watched are the files of all imported modules, looked for again and again, and `reload_extra_files`.
`inotify` (in C) hears of a change at once; `poll` looks once a second. Either way a file has
changed when its time, size or number is another, or when it is gone; so what an editor does on the
way to that counts once.
"""

import glob
import os
import sys
import threading
import time

from licorne.config.types import is_pattern

RESCAN_SECONDS = 0.5  # how soon a module that was imported just now is watched
POLL_SECONDS = 1.0
SETTLE_MS = 50  # a change is told when so long nothing else changed: more files may follow
SETTLES = 20  # but not for ever


class Reloader(threading.Thread):
    """callback(path) is called once, in this thread, which then ends."""

    def __init__(self, callback, extra=(), engine="auto"):
        super().__init__(name="licorne-reloader", daemon=True)
        self.callback = callback
        self.extra = list(extra)
        self.seen = {}  # path: its signature when it was seen first
        self.lock = threading.Lock()  # over what scan() changes
        self.watch = _open_watch(engine)

    def add_extra_file(self, path):
        self.extra.append(path)

    def scan(self):
        """Look for files that are new here. An import is followed by one at once: what changes
        later, changes something that was seen."""
        with self.lock:
            for path in {*module_files(), *self._extra_files()}:
                if path not in self.seen:
                    if self.watch and not self.watch.add(os.path.dirname(path)):
                        self.watch = None
                    self.seen[path] = _signature(path)

    def run(self):
        watch = self.watch
        try:
            while (path := self._next_change()) is None:
                continue
        finally:
            if watch:
                watch.close()
        self.callback(path)

    def _next_change(self):
        self.scan()
        watch = self.watch
        if watch is None:
            time.sleep(POLL_SECONDS)
            return self._changed(None)
        path = self._changed(watch.wait(int(RESCAN_SECONDS * 1000)))
        for _ in range(SETTLES if path else 0):
            if watch.wait(SETTLE_MS) == []:
                break
        return path

    def _changed(self, paths):
        """-> one that did, of these or (None) of all"""
        with self.lock:
            for path in self.seen if paths is None else paths:
                if path in self.seen and _signature(path) != self.seen[path]:
                    return path
        return None

    def _extra_files(self):
        for path in self.extra:
            found = glob.glob(path, recursive=True) if is_pattern(path) else [path]
            yield from map(os.path.abspath, found)


def module_files():
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            if path.endswith((".pyc", ".pyo")):
                path = path[:-1]
            yield os.path.abspath(path)


def _signature(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _open_watch(engine):
    if engine == "poll":
        return None
    try:
        return _Watch()
    except OSError:
        return None


class _Watch:
    """The directories in which files are watched."""

    def __init__(self):
        from licorne import _engine

        self.engine = _engine
        self.fd = _engine._watch_open()
        self.directories = {}  # path: number
        self.paths = {}  # number: paths; one directory may be known by several

    def add(self, directory):
        """False: no more directories can be watched."""
        if directory in self.directories:
            return True
        if not os.path.isdir(directory):  # inside a zip file, for one
            return True
        try:
            number = self.engine._watch_add(self.fd, directory)
        except OSError:
            return False
        self.directories[directory] = number
        self.paths.setdefault(number, []).append(directory)
        return True

    def wait(self, milliseconds):
        """-> the paths that something happened to; None: any may have changed"""
        found = self.engine._watch_wait(self.fd, milliseconds)
        if any(number < 0 for number, _ in found):
            return None
        return [os.path.join(d, name) for n, name in found for d in self.paths.get(n, ())]

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
