"""The image engine of a follow, out of its settings."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from tidegate_agent.config.engine_bootc import BootcSettings
from tidegate_agent.config.engine_embedded import EmbeddedSettings
from tidegate_agent.config.engine_ostree import OstreeSettings
from tidegate_agent.config.engine_podman import PodmanSettings
from tidegate_agent.config.engine_rpm_ostree import RpmOstreeSettings
from tidegate_agent.engines.bootc.credentials import in_force
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.reserve import Reserve
from tidegate_agent.engines.tool import network_environment
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.pacing import Pacing
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_agent.config import Settings
    from tidegate_agent.config.engines import EngineSettings
    from tidegate_agent.config.follows import FollowSettings
    from tidegate_agent.ports import ImageEngine
    from tidegate_wire.registry.source import ImageSource

    Source = Callable[[str], ImageSource]


def image_engine(follow: FollowSettings, settings: Settings, pacing: Pacing | None = None) -> ImageEngine:
    """The image engine that a follow asks for, with its own transfers paced like this.

    Raises:
        EngineError: CONFIG_VALUE, podman's user does not exist.
    """
    table = follow.engine_settings
    match table:
        case EmbeddedSettings():
            return _embedded(table, settings, image_source(table, pacing))
        case BootcSettings():
            return _bootc(table, settings)
        case OstreeSettings():
            return _ostree(table, settings, image_source(table, pacing))
        case PodmanSettings():
            return _podman(table, settings, image_source(table, pacing))
        case RpmOstreeSettings():
            return _rpm_ostree(table)
        case _:
            assert_never(table)


def image_source(table: EngineSettings, pacing: Pacing | None = None) -> Source:
    """Opens references as an engine's settings say, or as the engine's own tool would.

    Args:
        table: the engine's settings.
        pacing: of the transfers; as fast as can be when None.
    """
    registry = RegistrySettings.from_environment(os.environ, os.getuid(), _auth_file(table))
    registries_conf = None if isinstance(table, BootcSettings | RpmOstreeSettings) else table.registries_conf
    if registries_conf is not None:
        registry = replace(registry, registries_conf=registries_conf, registries_conf_folders=())
    paced = replace(pacing or Pacing(), limits=registry.limits)
    return lambda reference: open_source(parse_reference(reference), registry, paced)


def _auth_file(table: EngineSettings) -> Path | None:
    own = None if isinstance(table, RpmOstreeSettings) else table.auth_file
    return own or (in_force() if isinstance(table, BootcSettings | RpmOstreeSettings) else None)


# Each engine is loaded only where it is asked for: a daemon has one or two of them.


def _embedded(table: EmbeddedSettings, settings: Settings, source: Source) -> ImageEngine:
    from tidegate_agent.engines.embedded.engine import EmbeddedEngine  # noqa: PLC0415 - see above

    return EmbeddedEngine(table.directory, source, table.on_switch, _limits(settings))


def _bootc(table: BootcSettings, settings: Settings) -> ImageEngine:
    from tidegate_agent.engines.bootc.engine import BootcEngine  # noqa: PLC0415 - see above
    from tidegate_agent.engines.bootc.values import Places, Programs, Times, Wishes  # noqa: PLC0415

    return BootcEngine(
        Places(settings.state.directory),
        Programs(table.command, table.ostree, environment=network_environment(os.environ)),
        Times(
            status_s=table.status_timeout.total_seconds(),
            change_s=table.change_timeout.total_seconds(),
            stage_s=table.stage_timeout.total_seconds(),
            stall_s=table.stall_timeout.total_seconds(),
        ),
        Wishes(
            auth_file=table.auth_file,
            reserve=Reserve(table.boot_free_bytes, table.store_free_bytes),
            soft_reboot=settings.activate.reboot == "soft",
            unlocked=table.unlocked,
        ),
    )


def _ostree(table: OstreeSettings, settings: Settings, source: Source) -> ImageEngine:
    from tidegate_agent.engines.ostree.engine import OstreeEngine  # noqa: PLC0415 - see above
    from tidegate_agent.engines.ostree.host import OstreeHost  # noqa: PLC0415 - see above

    host = OstreeHost(
        table.stateroot,
        command=table.command,
        query_s=table.query_timeout.total_seconds(),
        work_s=table.work_timeout.total_seconds(),
    )
    return OstreeEngine(source, host, _limits(settings))


def _podman(table: PodmanSettings, settings: Settings, source: Source) -> ImageEngine:
    from tidegate_agent.engines.podman.engine import PodmanEngine  # noqa: PLC0415 - see above
    from tidegate_agent.engines.podman.session import session_of  # noqa: PLC0415 - see above
    from tidegate_agent.engines.podman.times import Times  # noqa: PLC0415 - see above

    environment = network_environment(os.environ)
    if table.registries_conf is not None:
        environment["CONTAINERS_REGISTRIES_CONF"] = str(table.registries_conf)
    return PodmanEngine(
        table.unit,
        table.directory,
        source,
        session_of(table.user, environment, table.auth_file),
        times=Times(
            stall=table.stall_timeout.total_seconds(),
            pull=table.pull_timeout.total_seconds(),
            start=table.start_timeout.total_seconds(),
            settle=table.settle.total_seconds(),
        ),
        limits=_limits(settings),
    )


def _rpm_ostree(table: RpmOstreeSettings) -> ImageEngine:
    from tidegate_agent.engines.rpm_ostree.engine import RpmOstreeEngine  # noqa: PLC0415 - see above
    from tidegate_agent.engines.rpm_ostree.values import Places, Programs, Timeouts  # noqa: PLC0415

    return RpmOstreeEngine(
        Programs(table.command, table.ostree),
        Places(reserve=Reserve(table.boot_free_bytes, table.store_free_bytes)),
        image_policy=table.image_policy,
        timeouts=Timeouts(
            answer_s=table.answer_timeout.total_seconds(),
            stall_s=table.stall_timeout.total_seconds(),
            stage_s=table.stage_timeout.total_seconds(),
        ),
    )


def _limits(settings: Settings) -> Limits:
    stage = settings.stage
    return Limits(entries=stage.max_image_entries, unpacked_bytes=stage.max_image_bytes)
