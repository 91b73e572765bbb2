"""How a staged image becomes the running one, and who may hold that back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from tidegate_agent.config.fleet_lock import FleetLockSettings
from tidegate_agent.config.scalars import Argv, Duration, File, Pause
from tidegate_agent.config.tables import Table


class ActivateSettings(Table):
    """How a staged image becomes the running one.

    Attributes:
        approval: whether a person has to say `tidegate-agent approve` first.
        approval_expires: how long an approval counts when the person does not say for how long.
        snooze_limit: how long `tidegate-agent snooze` can put one update off in all; emergencies and updates
            whose deadline has passed are not put off.
        expected_duration: how long activation takes; it starts only if that much of the window is left.
        window_override: urgencies that need not wait for a window; a passed deadline counts as one more.
        splay: the longest random delay of a window's or wave's start, and of a status that tells nothing but
            a newer statement, so that a fleet does not act as one.
        clock_wait: how long an update that needs a maintenance window waits for a clock that nothing keeps in
            step with the world's, as NTP does, or that is known to be behind; then it is believed.
        hold_file: nothing is activated while this file is there; its first line says why.
        inhibit_directory: programs that may object to an activation, by an exit status other than 0; the last
            line of their output says why.
        inhibit_timeout: how long each of them may take; no answer is an objection.
        sessions: whether a reboot waits for those who are logged in; they are told by wall.
        session_grace: how long it waits for them at most.
        fleet_lock: a server that decides how many hosts of a fleet reboot at once.
        reboot: whether the agent may reboot the host; "soft" restarts userspace alone where the engine says
            that this brings the image, and reboots elsewhere; with "never" a person reboots.
        reboot_command: what asks for the reboot.
        soft_reboot_command: what asks for the restart of userspace.
        boot_deadline: how long after the boot a new image may take to be proven before the boot guard brings
            the previous one back, also without the agent; longer than health.timeout, and five minutes longer
            when not set.
        boot_counting: whether the boot loader counts the boots of a new image: "grub" insists on it, "auto"
            does it where GRUB's configuration can.
    """

    approval: Literal["automatic", "required"] = "automatic"
    approval_expires: Duration = timedelta(days=7)
    snooze_limit: Duration = timedelta(days=1)
    expected_duration: Duration = timedelta(minutes=5)
    window_override: tuple[Literal["urgent", "emergency"], ...] = Field(default=("emergency",), strict=False)
    splay: Pause = timedelta(seconds=30)
    clock_wait: Pause = timedelta(minutes=30)
    hold_file: File = Path("/etc/tidegate/hold")
    inhibit_directory: File = Path("/etc/tidegate/inhibit.d")
    inhibit_timeout: Duration = timedelta(seconds=10)
    sessions: Literal["wait", "ignore"] = "wait"
    session_grace: Duration = timedelta(minutes=10)
    fleet_lock: FleetLockSettings | None = None
    reboot: Literal["auto", "soft", "never"] = "auto"
    reboot_command: Argv = Field(default=("systemctl", "reboot"), min_length=1)
    soft_reboot_command: Argv = Field(default=("systemctl", "soft-reboot"), min_length=1)
    boot_deadline: Duration | None = None
    boot_counting: Literal["auto", "grub", "none"] = "auto"

    @property
    def locks_all(self) -> bool:
        """Whether the fleet's lock is for activations without a reboot, too."""
        return self.fleet_lock is not None and self.fleet_lock.reach == "all"

    @property
    def waits_for_sessions(self) -> bool:
        """Whether those who are logged in are waited for: the agent itself has to be who reboots."""
        return self.sessions == "wait" and self.reboot != "never"
