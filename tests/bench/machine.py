"""Facts about the machine, without which no figure means anything."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import procfs


def facts() -> dict[str, str]:
    """What stands above the table, in order."""
    memory = procfs.field(Path("/proc/meminfo").read_text(), "MemTotal") / 1024 / 1024
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{memory:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load before": f"{load} (1, 5, 15 minutes)",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()
