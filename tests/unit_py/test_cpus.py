"""CPUs by affinity and cgroup, over a made-up /proc and /sys."""

import os

import pytest
from licorne.config import cpus


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """machine(lines of /proc/self/cgroup, files under /sys/fs/cgroup, CPUs) -> available CPUs"""

    def machine(groups, files, affinity=8):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(affinity), raising=False)
        (tmp_path / "self").mkdir()
        (tmp_path / "self/cgroup").write_text(groups)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return cpus.available(str(tmp_path), str(tmp_path))

    return machine


@pytest.mark.parametrize(
    "groups, files, expected",
    [
        ("0::/\n", {}, 8),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "900000 100000", "a/cpu.max": "max 100000"}, 8),
        ("0::/hidden/by/docker\n", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/\n", {"cpu.max": "nonsense"}, 8),
        (
            "5:cpu,cpuacct:/a\n0::/a\n",
            {
                "cpu,cpuacct/a/cpu.cfs_quota_us": "300000",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            },
            3,
        ),
        ("5:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("5:cpu:/x\n", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ("5:cpuset:/\n", {"cpu.max": "1 100000"}, 8),
    ],
)
def test_quotas(machine, groups, files, expected):
    assert machine(groups, files) == expected


def test_affinity_counts(machine):
    assert machine("0::/\n", {"cpu.max": "max 100000"}, affinity=2) == 2


def test_without_cgroups_affinity_is_all_there_is(tmp_path):
    assert cpus.available(str(tmp_path), str(tmp_path)) >= 1


@pytest.mark.parametrize(
    "workers, available, is_said",
    [(5, 0.1, False), (6, 0.1, True), (9, 2, False), (10, 2, True), (33, 8, False), (34, 8, True)],
)
def test_hint(workers, available, is_said):
    text = cpus.hint(workers, available)
    assert (text is not None) is is_said
    assert text is None or text.startswith(f"{workers} workers are more than {available} CPUs")


def test_few_workers_look_at_nothing(monkeypatch):
    monkeypatch.setattr(cpus, "available", None)
    assert cpus.hint(5) is None
