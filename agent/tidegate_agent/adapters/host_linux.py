"""ports.Host on Linux: the kernel's boot id, systemd's reboot, and what holds an activation back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tidegate_agent.errors import EngineError
from tidegate_agent.process import printable, run
from tidegate_schemas.codes import Code

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
SYSTEMD_RUNS: Final = Path("/run/systemd/system")
"""sd_booted(3): this directory is there where systemd is the init system."""

LIST_INHIBITORS: Final = (
    "busctl",
    "--json=short",
    "call",
    "org.freedesktop.login1",
    "/org/freedesktop/login1",
    "org.freedesktop.login1.Manager",
    "ListInhibitors",
)
"""logind's own list. `systemd-inhibit --list` has no JSON in Debian 13's systemd (257) and before."""

COUNT_SOFT_REBOOTS: Final = ("systemctl", "show", "--property=SoftRebootsCount", "--value")

_TIMEOUT_S: Final = 15.0
_REBOOT_TIMEOUT_S: Final = 90.0
_REASON_BYTES: Final = 256
_LIST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostCommands:
    """The programs that the host is asked with, each without a shell.

    Attributes:
        reboot: asks for a reboot.
        soft_reboot: asks for a restart of userspace alone, where an engine says that it will do.
        list_inhibitors: prints logind's inhibitors, as busctl does.
        count_soft_reboots: prints how often userspace was restarted since the kernel booted.
    """

    reboot: Sequence[str] = ("systemctl", "reboot")
    soft_reboot: Sequence[str] = ("systemctl", "soft-reboot")
    list_inhibitors: Sequence[str] = LIST_INHIBITORS
    count_soft_reboots: Sequence[str] = COUNT_SOFT_REBOOTS


class LinuxHost:
    """The machine that the agent runs on.

    Args:
        hold_file: nothing is activated while it is there; its first line says why.
        commands: what is run to ask for anything.
        systemd_runs: a path that exists where systemd is the init system.
        boot_id: the kernel's file.
    """

    def __init__(
        self,
        hold_file: Path,
        commands: HostCommands | None = None,
        systemd_runs: Path = SYSTEMD_RUNS,
        boot_id: Path = BOOT_ID,
    ) -> None:
        self._hold_file = hold_file
        self._commands = commands or HostCommands()
        self._systemd_runs = systemd_runs
        self._boot_id = boot_id

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
        """The hold file, and whoever blocks shutdown with logind. What cannot be told counts as a hold."""
        return (*self._holds(), *self._blocks())

    def _holds(self) -> list[str]:
        try:
            with self._hold_file.open("rb") as file:
                reason = printable(file.readline(_REASON_BYTES))
        except FileNotFoundError:
            return []
        except OSError as error:
            return [f"{self._hold_file} cannot be read ({error.strerror}), which counts as a hold"]
        return [f"held by {self._hold_file}: {reason}" if reason else f"held by {self._hold_file}"]

    def _blocks(self) -> list[str]:
        if not self._systemd_runs.exists():
            return []
        try:
            finished = run(self._commands.list_inhibitors, _TIMEOUT_S, output_bytes=_LIST_BYTES)
            if finished.status != 0:
                return [f"logind does not say who inhibits shutdown: {finished.output or 'no answer'}"]
            return parse_inhibitors(finished.output)
        except (OSError, ValueError) as error:
            return [f"logind does not say who inhibits shutdown: {error}"]


def parse_inhibitors(text: str) -> list[str]:
    """Whoever blocks shutdown, out of busctl's JSON for ListInhibitors: a(ssssuu), org.freedesktop.login1(5).

    Raises:
        ValueError: when it is something else.
    """
    try:
        [inhibitors] = json.loads(text)["data"]
        return [_sentence(*entry) for entry in inhibitors if _blocks_shutdown(*entry)]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"unexpected answer {text[:80]!r}") from error


def _blocks_shutdown(what: str, _who: str, _why: str, mode: str, *_: Any) -> bool:  # noqa: ANN401 # uid and pid
    # "delay" only asks for seconds, which logind itself grants; "block-weak" does not bind root, but a person
    # who logged in and asked for quiet is meant by it.
    return "shutdown" in what.split(":") and mode in {"block", "block-weak"}


def _sentence(_what: str, who: str, why: str, _mode: str, uid: int, pid: int) -> str:
    return f"{printable(who.encode())} (user {uid}, process {pid}) blocks shutdown: {printable(why.encode())}"


def _refused(reason: str) -> EngineError:
    return EngineError(Code.ACTIVATE_REFUSED, reason, retryable=True)
