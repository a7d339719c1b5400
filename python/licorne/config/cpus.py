"""How many CPUs the server may use, and whether that fits the number of workers.

A container sees all CPUs of its host and may be given a fraction of them: os.cpu_count() times two,
as configuration files have it, is then far too many workers, each with the application's memory.
"""

import os

# More than four workers to a CPU wait for it and not for anything else; few never matter.
FEW, A_CPU = 5, 4


def hint(workers, cpus=None):
    """-> what to say of so many workers, or None"""
    if workers <= FEW:
        return None
    cpus = available() if cpus is None else cpus
    if workers <= max(FEW, A_CPU * cpus + 1):
        return None
    return (
        f"{workers} workers are more than {_counted(cpus)} can carry "
        f"(affinity and cgroup limits counted): they cost memory and gain nothing; "
        f"{max(1, round(2 * cpus + 1))} would do"
    )


def _counted(cpus):
    return "1 CPU" if cpus == 1 else f"{cpus:.3g} CPUs"


def available(proc="/proc", sysfs="/sys/fs/cgroup"):
    """CPUs by affinity and the quotas of the cgroups above; often no whole number."""
    try:
        found = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        found = os.cpu_count() or 1
    try:
        lines = _read(f"{proc}/self/cgroup").splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            quotas = [_quota_v2(place) for place in _upwards(sysfs, path)]
        elif "cpu" in controllers.split(","):
            roots = (f"{sysfs}/{controllers}", f"{sysfs}/cpu")
            quotas = [_quota_v1(place) for root in roots for place in _upwards(root, path)]
        else:
            continue
        found = min([found, *(quota for quota in quotas if quota)])
    return found


def _upwards(root, path):
    """The group's folder and those above; in a container some are not to be seen."""
    while path.strip("/"):
        yield root + path
        path = path.rpartition("/")[0]
    yield root


def _quota_v2(place):
    try:
        quota, period = _read(f"{place}/cpu.max").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or no limit: "max"
        return None


def _quota_v1(place):
    try:
        quota = int(_read(f"{place}/cpu.cfs_quota_us"))
        return quota / int(_read(f"{place}/cpu.cfs_period_us")) if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _read(path):
    with open(path) as file:
        return file.read()
