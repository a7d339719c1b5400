"""Whom workers run as. Only they change: the master stays who started it, so that it can bind low
ports again, open its log files and signal its workers.
"""

import os


def to_user(value):
    """A name, a number or None (who runs this) -> the user's number. ValueError: no such user."""
    if value is None:
        return os.geteuid()
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdigit():
        return int(value)
    import pwd

    try:
        return pwd.getpwnam(value).pw_uid
    except KeyError:
        raise ValueError(f"No such user: {value!r}") from None


def to_group(value):
    """The same for a group."""
    if value is None:
        return os.getegid()
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdigit():
        return int(value)
    import grp

    try:
        return grp.getgrnam(value).gr_gid
    except KeyError:
        raise ValueError(f"No such group: {value!r}") from None


def become(user, group, initgroups=False):
    """Called in a worker. OSError: this process may not. Root's number asks for no change."""
    name = _name(user) if initgroups else None
    if group and name is not None:
        os.initgroups(name, group)
    if group and group != os.getgid():
        os.setgid(group)
    if user and user != os.getuid():
        os.setuid(user)


def _name(user):
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a number without a name, usual in containers, is in no group
        return None


def give(path, user, group):
    """A file that workers must open again, or connect to. OSError: this process may not."""
    os.chown(path, user, group)
