"""Which known name somebody meant who wrote a slightly different one."""


def nearest(name, known):
    """-> a known name that is one edit away, or differs in `_` and plurals only; or None"""
    for other in known:
        if is_one_edit(name, other):
            return other
    bare = _bare(name)
    for other in known:
        if other != name and _bare(other) == bare:
            return other
    return None


def is_one_edit(a, b):
    """One letter more, less or other, or two neighbours swapped."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or rest_a[1:] == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    )


def _bare(name):
    return name.replace("_", "").replace("s", "")
