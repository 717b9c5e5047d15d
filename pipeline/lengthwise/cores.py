"""The number of cores that this process may use: in a container or batch system, often fewer than the machine has."""

import math
import os
from collections.abc import Iterator

_SETS_OF_V1 = ("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpuacct,cpu")
_SETS_OF_V2 = ("sys/fs/cgroup", "sys/fs/cgroup/unified")


def usable_cores(root: str = "/") -> int:
    """The cores that this process may use: by its CPU affinity, and by the quotas of its cgroup (v1 or v2), rounded up.

    Args:
        root: the folder that contains `proc` and `sys`.

    Returns:
        1 or more.
    """
    try:
        granted = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # not on Linux
        granted = float(os.cpu_count() or 1)
    return max(1, math.ceil(min([granted, *_quotas(root)])))


def _quotas(root: str) -> Iterator[float]:
    """The quota, in cores, of each cgroup of this process, and of the cgroups that contain it."""
    for line in _read(root, "proc/self/cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers:
            for folder in _upwards(path, _SETS_OF_V2):
                quota, _, period = _read(root, folder, "cpu.max").partition(" ")
                yield from _cores(quota, period)
        elif "cpu" in controllers.split(","):
            for folder in _upwards(path, _SETS_OF_V1):
                yield from _cores(_read(root, folder, "cpu.cfs_quota_us"), _read(root, folder, "cpu.cfs_period_us"))


def _upwards(path: str, tops: tuple[str, ...]) -> Iterator[str]:
    """The cgroup's folder and those above it. In a container, the path may be the host's: then only the top exists."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for top in tops:
        yield from ("/".join([top, *parts[:count]]) for count in range(len(parts), -1, -1))


def _cores(quota: str, period: str) -> Iterator[float]:
    if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):  # "max" and -1: no quota
        yield int(quota) / int(period)


def _read(*names: str) -> str:
    try:
        with open(os.path.join(*names)) as stream:
            return stream.read().strip()
    except OSError:
        return ""
