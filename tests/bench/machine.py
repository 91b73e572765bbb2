"""Facts about the machine and the programs on it, without which no figure means anything."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import procfs
from tests.conftest import find_program

PROGRAMS = {
    "docker-registry": "--version",
    "mosquitto": "-h",
    "nats-server": "--version",
    "ostree": "--version",
    "podman": "--version",
    "postgres": "--version",
    "skopeo": "--version",
    "umoci": "--version",
}
"""What each is asked with."""

_VERSION = re.compile(r"\d+\.\d[\w.]*")


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
        "programs": ", ".join(filter(None, [*map(_program, PROGRAMS), _rabbitmq()])),
        "load before": f"{load} (1, 5, 15 minutes)",
    }


def version(text: str) -> str:
    """What looks like a version in a program's words about itself; nothing if nothing does."""
    found = _VERSION.search(text)
    return found[0] if found else ""


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        return ""
    said = subprocess.run([found, PROGRAMS[name]], capture_output=True, text=True, check=False)
    return f"{name} {version(said.stdout)}".rstrip()


def _rabbitmq() -> str:
    # Whatever of it is asked starts something that stays: its folder says as much.
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    return f"rabbitmq-server {version(found[-1].name)}" if found else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()
