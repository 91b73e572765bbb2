"""What a follow does with images: its engine, their own signatures, its checks."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.adapters.health import HealthRounds
from tidegate_agent.adapters.image_signatures import AnnouncementIsEnough, RegistryImageSignatures
from tidegate_agent.adapters.unguarded import Unguarded
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.operations import Operations
from tidegate_agent.surroundings import Followed, Surroundings
from tidegate_agent.warrant import Warrant
from tidegate_agent.wiring.trust import verifying_child
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.config import Settings
    from tidegate_agent.config.follows import EmbeddedSettings, FollowSettings
    from tidegate_agent.ports import ImageEngine, ImageSignatures
    from tidegate_wire.registry.source import ImageSource


def followed(settings: Settings, follow: FollowSettings, around: Surroundings) -> Followed:
    """A follow with everything that its images need."""
    health = HealthRounds(settings.health.check, settings.health.timeout)
    engine = image_engine(follow, settings)
    signatures = image_signatures(follow, settings)
    warrant = Warrant(follow.follow, around.verifier, around.journal)
    arch = around.profile.facts.arch
    operations = Operations(
        engine=engine,
        signatures=signatures,
        warrant=warrant,
        health=health,
        host=around.host,
        guard=Unguarded(),
        arch=arch,
    )
    return Followed(follow.follow, follow.engine, operations)


def image_engine(follow: FollowSettings, settings: Settings) -> ImageEngine:
    """The image engine that a follow asks for."""
    embedded = _embedded(follow)
    stage = settings.stage
    limits = Limits(entries=stage.max_image_entries, unpacked_bytes=stage.max_image_bytes)
    return EmbeddedEngine(embedded.directory, _source(embedded), embedded.on_switch, limits)


def image_signatures(follow: FollowSettings, settings: Settings) -> ImageSignatures:
    """What a follow asks of its images' own signatures.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE, a signer's key cannot be read.
    """
    policy = follow.image_policy()
    if policy is None:
        return AnnouncementIsEnough()
    return RegistryImageSignatures(verifying_child(settings), policy, _source(_embedded(follow)))


def _embedded(follow: FollowSettings) -> EmbeddedSettings:
    if follow.embedded is None:
        message = "checked when the configuration was read"
        raise AssertionError(message)
    return follow.embedded


def _source(embedded: EmbeddedSettings) -> Callable[[str], ImageSource]:
    registry = RegistrySettings.from_environment(os.environ, os.getuid(), embedded.auth_file)
    if embedded.registries_conf is not None:
        registry = replace(registry, registries_conf=embedded.registries_conf, registries_conf_folders=())
    return lambda reference: open_source(parse_reference(reference), registry)
