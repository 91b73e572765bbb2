"""From settings to the plain values of the core, and the few adapters that need no others."""

from __future__ import annotations

import platform
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.fleet_lock import FleetLock
from tidegate_agent.adapters.host_linux import HostCommands, LinuxHost
from tidegate_agent.adapters.inhibit_hooks import InhibitHooks
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.adapters.motd_file import MotdFile
from tidegate_agent.admission import HostFacts, Policy
from tidegate_agent.config import Settings, derived_host_id, host_zone
from tidegate_agent.machine.rules import Rules
from tidegate_agent.manners import Manners
from tidegate_agent.reporting import Profile
from tidegate_schemas import __version__
from tidegate_schemas.rollout import Urgency
from tidegate_schemas.status import Inventory
from tidegate_wire.registry.platform import own_architecture

if TYPE_CHECKING:
    from tidegate_agent.ports import Host

JOURNAL_NAME: Final = "journal.db"


def open_journal(settings: Settings, *, mends: bool = False) -> SqliteJournal:
    """The journal in its place on disk; `mends` is for the agent alone."""
    return SqliteJournal(settings.state.directory / JOURNAL_NAME, mends=mends)


def policy_of(settings: Settings) -> Policy:
    """Bounds on what is accepted."""
    trust = settings.trust
    return Policy(timedelta(days=trust.max_validity_days), trust.max_jump, trust.clock_floor)


def manners_of(settings: Settings) -> Manners:
    """How this host wants to be treated."""
    activate = settings.activate
    return Manners(
        schedule=settings.schedule(host_zone()),
        expected_duration=activate.expected_duration,
        approval_required=activate.approval == "required",
        stage_in_window=settings.stage.when == "window",
        window_override=frozenset(Urgency(each) for each in activate.window_override),
        # Who reboots by hand asks whom he likes.
        session_grace=activate.session_grace if activate.waits_for_sessions else None,
        approval_expires=activate.approval_expires,
        snooze_limit=activate.snooze_limit,
        zone=host_zone(),
        download_override=frozenset(Urgency(each) for each in settings.download.override),
        clock_wait=activate.clock_wait,
    )


def host_id(settings: Settings) -> str:
    """The name of this host in the fleet."""
    return settings.host.id or derived_host_id()


def profile_of(settings: Settings, host: Host) -> Profile:
    """Who this host is."""
    arch = own_architecture(platform.machine())
    facts = HostFacts(host_id(settings), arch, dict(settings.host.labels))
    inventory = Inventory(arch=arch, kernel=platform.release(), os=_os_name(), agent=__version__)
    return Profile(facts, inventory, host.boot_id())


def host_of(settings: Settings) -> LinuxHost:
    """The machine as a whole."""
    activate = settings.activate
    hooks = InhibitHooks(activate.inhibit_directory, activate.inhibit_timeout.total_seconds())
    commands = HostCommands(activate.reboot_command, activate.soft_reboot_command)
    if activate.reboot == "never":
        # A person reboots; the update waits, and goes on when the agent starts again.
        commands = HostCommands(("true",), ("true",))
    return LinuxHost(activate.hold_file, commands, hooks=hooks)


def lock_of(settings: Settings) -> FleetLock | None:
    """The fleet's lock, if there is one."""
    lock = settings.activate.fleet_lock
    if lock is None or (settings.activate.reboot == "never" and lock.reach == "reboots"):
        # A slot would be held until somebody reboots by hand, perhaps for weeks.
        return None
    client = lock.id or host_id(settings)
    return FleetLock(lock.url, client, lock.group, lock.ca, lock.timeout.total_seconds())


def board_of(settings: Settings) -> MotdFile | None:
    """Where those who log in are told about this host, if they are."""
    return MotdFile(settings.state.motd_file) if settings.state.motd else None


def rules_of(settings: Settings) -> Rules:
    """How patient this host is."""
    stage, health, download = settings.stage, settings.health, settings.download
    return Rules(
        stage_attempts=stage.attempts,
        health_rounds=health.attempts,
        health_interval=health.interval,
        health_timeout=health.timeout,
        retry_after=stage.retry_initial,
        retry_cap=stage.retry_maximum,
        watch_downloads=download.metered != "allow" or download.budget is not None,
    )


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")[:256]
    except OSError:
        return "Linux"
