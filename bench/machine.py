"""Facts about the machine a benchmark ran on: what explains a number, nothing that identifies a host."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine_facts(*packages: str) -> dict[str, object]:
    """Processor, cores, memory, Python and package versions."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    flags = Path("/proc/cpuinfo").read_text()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": cpu,
        "instructions": [
            name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {name}" in flags
        ],
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
