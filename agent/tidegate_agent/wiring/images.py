"""What a follow does with images: its engine, their own signatures, its checks, its guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_agent.adapters.boot_counting import find_counting
from tidegate_agent.adapters.boot_guard import DIRECTORY, FileBootGuard
from tidegate_agent.adapters.boot_guard_unit import GuardUnit
from tidegate_agent.adapters.health import HealthRounds
from tidegate_agent.adapters.image_signatures import AnnouncementIsEnough, RegistryImageSignatures
from tidegate_agent.adapters.this_boot import ThisBoot
from tidegate_agent.adapters.unguarded import Unguarded
from tidegate_agent.operations import Operations
from tidegate_agent.ports import BootGuard, HealthCheck, ImageEngine, ImageSignatures
from tidegate_agent.surroundings import Followed, Surroundings
from tidegate_agent.warrant import Warrant
from tidegate_agent.wiring.engines import image_engine, image_source
from tidegate_agent.wiring.trust import verifying_child

if TYPE_CHECKING:
    from tidegate_agent.config import Settings
    from tidegate_agent.config.follows import FollowSettings
    from tidegate_agent.wiring.outside import Outside
    from tidegate_wire.registry.pacing import Pacing


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePorts:
    """What brings one follow's images, and what judges and watches them."""

    engine: ImageEngine
    signatures: ImageSignatures
    health: HealthCheck
    guard: BootGuard


def image_ports(settings: Settings, follow: FollowSettings, pacing: Pacing) -> ImagePorts:
    """The adapters of a follow, whose own transfers are paced like this.

    Raises:
        EngineError: CONFIG_VALUE, podman's user does not exist; ACTIVATE_FAILED, the boots are to be counted
            and the boot loader cannot.
    """
    checks = settings.health.checks(reboots=follow.changes_system)
    return ImagePorts(
        engine=image_engine(follow, settings, pacing),
        signatures=image_signatures(follow, settings, pacing),
        health=HealthRounds(checks, settings.health.timeout),
        guard=boot_guard(follow, settings),
    )


def followed(follow: FollowSettings, images: ImagePorts, around: Surroundings, outside: Outside) -> Followed:
    """A follow with everything that its images need."""
    operations = Operations(
        engine=images.engine,
        signatures=images.signatures,
        warrant=Warrant(follow.follow, outside.reverifier, around.journal),
        health=images.health,
        host=around.host,
        guard=images.guard,
        arch=around.profile.facts.arch,
        account=around.downloads.account,
        by_tool=not follow.fetches_itself,
        pauses=outside.transfers.pauses,
    )
    return Followed(follow.follow, follow.engine, operations)


def boot_guard(follow: FollowSettings, settings: Settings) -> BootGuard:
    """What brings the previous operating system back without the agent. Raises as `image_ports`."""
    if not follow.changes_system:
        return Unguarded()
    wanted = settings.activate.boot_counting
    return FileBootGuard(
        DIRECTORY,
        settings.boot_deadline,
        ThisBoot(),
        find_counting(wanted),
        counting_required=wanted == "grub",
        unit=GuardUnit(DIRECTORY / "script"),
    )


def image_signatures(follow: FollowSettings, settings: Settings, pacing: Pacing) -> ImageSignatures:
    """What a follow asks of its images' own signatures.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE, a signer's key cannot be read.
    """
    policy = follow.image_policy()
    if policy is None:
        return AnnouncementIsEnough()
    return RegistryImageSignatures(
        verifying_child(settings), policy, image_source(follow.engine_settings, pacing)
    )
