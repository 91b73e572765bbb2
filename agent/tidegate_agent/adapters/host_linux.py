"""ports.Host on Linux: the kernel's boot id, systemd's reboot, and what holds an activation back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.adapters.logind import Logind, LogindCommands
from tidegate_agent.errors import EngineError
from tidegate_agent.process import printable, run
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.adapters.inhibit_hooks import InhibitHooks

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
SYSTEMD_RUNS: Final = Path("/run/systemd/system")
"""sd_booted(3): this directory is there where systemd is the init system."""

COUNT_SOFT_REBOOTS: Final = ("systemctl", "show", "--property=SoftRebootsCount", "--value")

_TIMEOUT_S: Final = 15.0
_REBOOT_TIMEOUT_S: Final = 90.0
_REASON_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class HostCommands:
    """The programs that the host is asked with, each without a shell.

    Attributes:
        reboot: asks for a reboot.
        soft_reboot: asks for a restart of userspace alone, where an engine says that it will do.
        logind: asks logind.
        wall: tells everybody who is logged in what is its last argument, wall(1).
        count_soft_reboots: prints how often userspace was restarted since the kernel booted.
    """

    reboot: Sequence[str] = ("systemctl", "reboot")
    soft_reboot: Sequence[str] = ("systemctl", "soft-reboot")
    logind: LogindCommands = field(default_factory=LogindCommands)
    wall: Sequence[str] = ("wall",)
    count_soft_reboots: Sequence[str] = COUNT_SOFT_REBOOTS


class LinuxHost:
    """The machine that the agent runs on.

    Args:
        hold_file: nothing is activated while it is there; its first line says why.
        commands: what is run to ask for anything.
        systemd_runs: a path that exists where systemd is the init system.
        boot_id: the kernel's file.
        hooks: programs that may object.
    """

    def __init__(
        self,
        hold_file: Path,
        commands: HostCommands | None = None,
        systemd_runs: Path = SYSTEMD_RUNS,
        boot_id: Path = BOOT_ID,
        hooks: InhibitHooks | None = None,
    ) -> None:
        self._hold_file = hold_file
        self._commands = commands or HostCommands()
        self._systemd_runs = systemd_runs
        self._boot_id = boot_id
        self._hooks = hooks
        self._logind = Logind(self._commands.logind)

    def boot_id(self) -> str:
        """The kernel's id of this boot, and how often userspace alone was restarted in it.

        A soft reboot leaves the kernel's id as it was; systemd counts them (SoftRebootsCount, since 257,
        org.freedesktop.systemd1(5)). Where it does not, a soft reboot that brought nothing looks like none.
        """
        kernel = self._boot_id.read_text(encoding="ascii").strip()
        restarts = self._soft_reboots()
        return f"{kernel}+{restarts}" if restarts else kernel

    def _soft_reboots(self) -> int:
        if not self._systemd_runs.exists():
            return 0
        try:
            finished = run(self._commands.count_soft_reboots, _TIMEOUT_S)
        except OSError:
            return 0
        return int(finished.output) if finished.status == 0 and finished.output.isdecimal() else 0

    def reboot(self, reason: str, *, soft: bool = False) -> None:
        """Ask for a reboot; the command finds the reason in TIDEGATE_REASON.

        Raises:
            EngineError: ACTIVATE_REFUSED, retryable, when the command fails or does not return.
        """
        argv = self._commands.soft_reboot if soft else self._commands.reboot
        command = " ".join(argv)
        try:
            finished = run(argv, _REBOOT_TIMEOUT_S, {"TIDEGATE_REASON": reason.replace("\0", " ")})
        except OSError as error:
            raise _refused(f"{command} cannot be run: {error.strerror}") from error
        if finished.status is None:
            raise _refused(f"{command} did not return within {_REBOOT_TIMEOUT_S:.0f} seconds")
        if finished.status != 0:
            raise _refused(f"{command} failed with status {finished.status}: {finished.output}")

    def inhibitors(self) -> tuple[str, ...]:
        """The hold file, whoever blocks shutdown with logind, and hooks. What cannot be told counts."""
        blocks = self._logind.blocks() if self._systemd_runs.exists() else []
        objections = [] if self._hooks is None else self._hooks.objections()
        return (*self._holds(), *blocks, *objections)

    def sessions(self) -> tuple[str, ...]:
        """Who is logged in, as logind says; without systemd nobody knows, and nobody is asked."""
        return tuple(self._logind.sessions()) if self._systemd_runs.exists() else ()

    def tell(self, text: str) -> None:
        """Tell everybody who is logged in, on the terminal. Never raises."""
        argv = (*self._commands.wall, printable(text.encode()))
        try:
            finished = run(argv, _TIMEOUT_S)
        except OSError as error:
            logger.warning("nobody who is logged in was told: {}: {}", argv[0], error.strerror)
            return
        if finished.status != 0:
            logger.warning("nobody who is logged in was told: {}: {}", argv[0], finished.output or "failed")

    def _holds(self) -> list[str]:
        try:
            with self._hold_file.open("rb") as file:
                reason = printable(file.readline(_REASON_BYTES))
        except FileNotFoundError:
            return []
        except OSError as error:
            return [f"{self._hold_file} cannot be read ({error.strerror}), which counts as a hold"]
        return [f"held by {self._hold_file}: {reason}" if reason else f"held by {self._hold_file}"]


def _refused(reason: str) -> EngineError:
    return EngineError(Code.ACTIVATE_REFUSED, reason, retryable=True)
