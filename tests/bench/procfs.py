"""What the kernel tells of a process, from /proc (proc(5), Documentation/filesystems/proc.rst)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Activity:
    """What a process has done since it began.

    Attributes:
        cpu_s: time on a processor, all threads, seconds.
        switches: how often a thread gave the processor up to wait: each is followed by a wake-up.
    """

    cpu_s: float
    switches: int

    def since(self, earlier: Activity) -> Activity:
        """What was done in between."""
        return Activity(self.cpu_s - earlier.cpu_s, self.switches - earlier.switches)


def field(text: str, name: str) -> int:
    """The number after `name:` in a file of such lines: status, io, smaps_rollup, meminfo.

    Raises:
        LookupError: there is no such line.
    """
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        if key.strip() == name:
            return int(rest.split()[0])
    raise LookupError(f"there is no {name}")


def on_processor_s(schedstat: str) -> float:
    """The time that a thread ran, seconds: the first number of its schedstat, which is in nanoseconds."""
    return int(schedstat.split(maxsplit=1)[0]) / 1e9


def activity(pid: int) -> Activity:
    """What all threads of a process did so far. A thread that has ended takes its part with it."""
    cpu_s, switches = 0.0, 0
    for thread in (_PROC / str(pid) / "task").iterdir():
        with suppress(FileNotFoundError):
            cpu_s += on_processor_s((thread / "schedstat").read_text())
            switches += field((thread / "status").read_text(), "voluntary_ctxt_switches")
    return Activity(cpu_s, switches)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, int] = {}
    for place in _PROC.glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            # After the name, which may hold anything: the state, and the parent (proc(5), stat).
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def rss_mib(pid: int) -> float:
    """Resident memory, MiB, pages shared with others counted in full."""
    return field((_PROC / str(pid) / "status").read_text(), "VmRSS") / 1024


def pss_mib(pid: int) -> float:
    """Resident memory, MiB, pages shared with n processes counted as an n-th."""
    return field((_PROC / str(pid) / "smaps_rollup").read_text(), "Pss") / 1024


def bytes_written(pid: int) -> int:
    """Bytes that the process handed to write() and its like, sockets included."""
    return field((_PROC / str(pid) / "io").read_text(), "wchar")


def threads(pid: int) -> int:
    """How many threads a process has."""
    return field((_PROC / str(pid) / "status").read_text(), "Threads")


def descriptors(pid: int) -> int:
    """How many files, sockets and pipes a process has open."""
    return len(list((_PROC / str(pid) / "fd").iterdir()))
