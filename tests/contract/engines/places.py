"""All places that the contract of image engines is tested at. Every engine has a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.contract.engines import place_bootc, place_fake
from tests.contract.engines.place_embedded import EmbeddedPlace
from tests.contract.engines.place_ostree import OstreePlace
from tests.contract.engines.place_podman import PodmanPlace
from tests.contract.engines.place_rpm_ostree import RpmOstreePlace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.contract.engines.place import Place


class Kind(NamedTuple):
    """How to make a place in an empty folder, and the programs that have to be on PATH for it."""

    make: Callable[[Path], Place]
    programs: tuple[str, ...] = ()


PLACES = {
    "bootc": Kind(place_bootc.newer),
    "bootc-older": Kind(place_bootc.older),
    "embedded": Kind(EmbeddedPlace),
    "fake": Kind(place_fake.FakePlace),
    "fake-rebooting": Kind(place_fake.rebooting),
    "ostree": Kind(OstreePlace, ("ostree", "unshare")),
    "podman": Kind(PodmanPlace, ("podman", "crun", "docker-registry")),
    "rpm-ostree": Kind(RpmOstreePlace),
}
