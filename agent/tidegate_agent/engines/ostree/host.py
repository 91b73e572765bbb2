"""Where libostree is, and how it is driven: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidegate_agent.engines.ostree.deployments import Booted, first, marked

_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class OstreeHost:
    """One operating system in one sysroot.

    Attributes:
        os_name: the stateroot, whose /var the images share.
        sysroot: `/` on a host; elsewhere a sysroot that is being built.
        command: the `ostree` program, and what comes first.
        query_s: seconds for a command that only asks or writes a name.
        work_s: seconds for one that reads or writes an image.
        systemctl: tells of other update agents.
        live: whether the host runs from this sysroot, and stages deployments; by default if it is `/`.
        booted: which deployment runs; by default ostree's own word, or the first one where nothing is live.
    """

    os_name: str
    sysroot: Path = _ROOT
    command: tuple[str, ...] = ("ostree",)
    query_s: float = 120.0
    work_s: float = 3600.0
    systemctl: tuple[str, ...] = ("systemctl",)
    live: bool | None = None
    booted: Booted | None = None

    @property
    def is_live(self) -> bool:
        """Whether the host runs from the sysroot."""
        return self.sysroot == _ROOT if self.live is None else self.live

    @property
    def which_runs(self) -> Booted:
        """Tells the running deployment."""
        return self.booted or (marked if self.is_live else first)
