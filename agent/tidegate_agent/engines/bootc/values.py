"""What the engine is told: programs, places, times, and the host owner's wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate_agent.engines.reserve import Reserve


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs, each with the arguments that always come first.

    Attributes:
        bootc: what does the work.
        ostree: drops what is staged, for which bootc has no command.
        systemctl: tells of other update agents.
        environment: what bootc gets beside PATH, LANG and HOME: see `tool.network_environment`.
    """

    bootc: tuple[str, ...] = ("bootc",)
    ostree: tuple[str, ...] = ("ostree",)
    systemctl: tuple[str, ...] = ("systemctl",)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Places:
    """Directories.

    Attributes:
        state: the engine's own; survives reboots and is not part of any image.
        boot: where kernels and boot entries go.
        store: on the file system of the ostree repository.
        etc: the host's configuration.
        run: what is gone at boot.
    """

    state: Path
    boot: Path = Path("/boot")
    store: Path = Path("/sysroot")
    etc: Path = Path("/etc")
    run: Path = Path("/run")


@dataclass(frozen=True, slots=True)
class Times:
    """Limits, in seconds.

    Attributes:
        status_s: for `bootc status`, which waits for whoever holds the sysroot's lock.
        change_s: for locking, unlocking, rolling back and dropping.
        stage_s: for fetching and deploying an image.
        stall_s: for staging without any progress. Deploying, at the end, tells of none for minutes.
    """

    status_s: float = 120
    change_s: float = 600
    stage_s: float = 6 * 3600
    stall_s: float = 1200


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the host's owner decides.

    Attributes:
        auth_file: registry credentials, see `credentials`.
        reserve: what has to be free.
        soft_reboot: restart userspace alone where bootc finds that this is enough.
        unlocked: accept a release of bootc that cannot stage for download only.
    """

    auth_file: Path | None = None
    reserve: Reserve = field(default_factory=Reserve)
    soft_reboot: bool = False
    unlocked: bool = False
