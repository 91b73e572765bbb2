"""Staging by each engine, beside the same done with the engine's own tool: one image, one run."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import images
from tests.bench.figure import Figure
from tests.bench.ostree_archive import serving
from tests.bench.staged import PHASES, Results, lines
from tests.bench.supply import Supply, lacking
from tests.bench.ways import Embedded, SkopeoUmoci, take_turns
from tests.bench.ways_ostree import OstreeByHand, OstreePull, OstreeWay
from tests.bench.ways_podman import PodmanPull, PodmanWay
from tests.support.registries import RealRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort
    from tests.bench.ways import Way

PROGRAMS = ("mmdebstrap", "docker-registry", "skopeo")


class EmbeddedEngine(Embedded):
    """The same under the name that it has among others."""

    name = "tidegate, embedded engine"


class Contest(NamedTuple):
    """An engine, and others that do the same."""

    ours: type[Way]
    others: tuple[type[Way], ...]
    programs: tuple[str, ...]

    @property
    def missing(self) -> str:
        """What it needs and is not here."""
        return lacking(*self.programs)


CONTESTS = (
    Contest(EmbeddedEngine, (SkopeoUmoci,), ("umoci",)),
    Contest(OstreeWay, (OstreeByHand, OstreePull), ("ostree", "umoci")),
    Contest(PodmanWay, (PodmanPull,), ("podman",)),
)

ABSENT = {
    f"tidegate, {name} engine": f"Debian has no {name}, which works on a host only that it has booted"
    for name in ("bootc", "rpm-ostree")
}
"""Engines whose tools no machine of this bench has; nothing is made up for them."""


def measure(effort: Effort) -> Iterator[Figure]:
    """All engines and tools that are here, fresh and update."""
    missing = "it needs root" if os.geteuid() else lacking(*PROGRAMS)
    if not missing and platform.machine() != "x86_64":
        missing = "the images are for x86-64"
    if missing:
        yield Figure("engines", "s", missing=missing)
        return
    contests = [contest for contest in CONTESTS if not contest.missing]
    results = _results(contests, effort)
    for phase in PHASES:
        for contest in contests:
            yield from lines(phase, contest.ours.name, [other.name for other in contest.others], results)
    for contest in CONTESTS:
        if contest.missing:
            yield _absent(contest.ours.name, contest.missing)
    for name, reason in ABSENT.items():
        yield _absent(name, reason)


def _results(contests: list[Contest], effort: Effort) -> Results:
    prepared = images.bootable(images.prepare(effort.cache))
    ways = [way for contest in contests for way in (contest.ours, *contest.others)]
    results: Results = defaultdict(list)
    with ExitStack() as stack:
        supply = Supply(stack.enter_context(RealRegistry(effort.folder)), prepared, effort.folder)
        supply.push()
        if OstreePull in ways:
            stack.enter_context(serving(supply, effort.folder))
        for run in range(effort.times(3, 1)):
            take_turns(ways, supply, effort.folder, run, results)
    return results


def _absent(name: str, reason: str) -> Figure:
    return Figure(name, "", missing=reason, line=name)
