"""How much memory there is for a model to use."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

import torch

_CGROUPS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


def free_memory(device: torch.device | str = "cpu") -> int:
    """Bytes that this process may still take on a device.

    On a CPU the least of what the machine has, what the container allows and what limits on the process
    leave: Linux ends a process that takes more.
    """
    device = torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch has taken and does not use is as good as free.
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return max(min((*_machine(), *_container(), *_process())), 0)


def used_memory() -> int:
    """Bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _machine() -> list[int]:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return [int(line.split()[1]) * 1024]
    return []


def _container(root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    for limit, usage, stat in _CGROUPS:
        with suppress(OSError, ValueError):
            most, now = int((root / limit).read_text()), int((root / usage).read_text())
            return [most - now + _reclaimable(root / stat)]
    return []


def _reclaimable(path: Path) -> int:
    """Bytes of the page cache that the kernel gives back when they are needed."""
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name in ("inactive_file", "total_inactive_file"):
                return int(value)
    return 0


def _process() -> list[int]:
    found = []
    sizes = dict(
        line.split(":")[:2] for line in Path("/proc/self/status").read_text().splitlines() if line[:2] == "Vm"
    )
    for limit, used in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most, _ = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY:
            found.append(most - int(sizes[used].split()[0]) * 1024)
    return found
