"""What the engine is told: programs, places, times."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tidegate_agent.engines.reserve import Reserve


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs, each with the arguments that always come first.

    Attributes:
        rpm_ostree: what does the work.
        ostree: unlocks what is staged, and puts a deployment first.
        systemctl: tells of other update agents.
    """

    rpm_ostree: tuple[str, ...] = ("rpm-ostree",)
    ostree: tuple[str, ...] = ("ostree",)
    systemctl: tuple[str, ...] = ("systemctl",)


@dataclass(frozen=True, slots=True)
class Places:
    """Directories, and what has to be free there.

    Attributes:
        run: where ostree keeps what is staged.
        boot: where kernels and boot entries go.
        store: on the file system of the ostree repository.
        reserve: what has to be free in these two.
    """

    run: Path = Path("/run/ostree")
    boot: Path = Path("/boot")
    store: Path = Path("/sysroot")
    reserve: Reserve = field(default_factory=Reserve)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        answer_s: for the daemon to start and answer, and for the registry to answer with the manifest.
        stall_s: for one line of progress, which comes when a whole layer is here; and for clearing up.
        stage_s: for all of a staging.
        pause_s: between two attempts to reach a daemon that did not start in time.
    """

    answer_s: float = 120.0
    stall_s: float = 1800.0
    stage_s: float = 4 * 3600.0
    pause_s: float = 5.0
