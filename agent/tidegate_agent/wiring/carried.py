"""What was carried to the host: layouts with images, and the statement that comes with one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.layouts import Layouts
from tidegate_agent.wiring.trust import verifier_of
from tidegate_schemas.statement import parse_statement
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.config import Settings
    from tidegate_agent.config.follows import FollowSettings
    from tidegate_agent.surroundings import Followed

USABLE: Final = frozenset({"embedded", "ostree"})
"""Engines that read images themselves. The others' tools pin images to a digest in registries only."""


def layouts_of(settings: Settings) -> Layouts:
    """Where images are looked for that were carried to this host."""
    usable = [each.follow for each in settings.follow if each.engine in USABLE]
    return Layouts(settings.state.directory, usable)


def with_layouts(followed: Followed, layouts: Layouts) -> Followed:
    """A follow that looks there first."""
    at_hand = partial(layouts.references, followed.follow)
    return replace(followed, operations=replace(followed.operations, at_hand=at_hand))


def require_carried(settings: Settings, entry: FollowSettings, raw: bytes, layout: Path) -> str:
    """The digest that a genuine statement announces, which has to be in the layout.

    Raises:
        TidegateError: as Verifier.verify; IMAGE_NOT_FOUND and its like, the layout does not hold it.
    """
    verdict = verifier_of(settings).verify(entry.follow, raw)
    digest = parse_statement(verdict.payload).digest
    LayoutSource(layout).manifest(digest)
    return digest
