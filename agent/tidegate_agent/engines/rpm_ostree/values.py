"""What the engine is told: programs, places, times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MIB: Final = 2**20


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
    """Directories, and the bytes that have to be free there before staging and before activation.

    Attributes:
        run: where ostree keeps what is staged.
        boot: where kernels and boot entries go. They are written at shutdown, when nobody hears of a failure.
        store: on the file system of the ostree repository.
        boot_free: bytes for `boot`.
        store_free: bytes for `store`.
    """

    run: Path = Path("/run/ostree")
    boot: Path = Path("/boot")
    store: Path = Path("/sysroot")
    boot_free: int = 32 * _MIB
    store_free: int = 512 * _MIB


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
