"""All places that the contract of image engines is tested at. Every engine has a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.contract.engines import place_fake
from tests.contract.engines.place_embedded import EmbeddedPlace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.contract.engines.place import Place


class Kind(NamedTuple):
    """How to make a place in an empty folder, and the programs that have to be on PATH for it."""

    make: Callable[[Path], Place]
    programs: tuple[str, ...] = ()


PLACES = {
    "embedded": Kind(EmbeddedPlace),
    "fake": Kind(place_fake.FakePlace),
    "fake-rebooting": Kind(place_fake.rebooting),
}
