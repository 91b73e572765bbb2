"""Staging a Debian image from a real registry, beside `skopeo copy` and `umoci unpack` of the same image."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.bench import images
from tests.bench.figure import Figure
from tests.bench.staged import PHASES, Results, pair
from tests.bench.supply import Supply, lacking
from tests.bench.ways import Embedded, SkopeoUmoci, take_turns
from tests.support.registries import RealRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort

PROGRAMS = ("mmdebstrap", "docker-registry", "skopeo", "umoci")


def measure(effort: Effort) -> Iterator[Figure]:
    """Both tools, fresh and update."""
    missing = "it needs root" if os.geteuid() else lacking(*PROGRAMS)
    if missing:
        yield Figure("staging", "s", missing=missing)
        return
    prepared = images.prepare(effort.cache)
    results: Results = defaultdict(list)
    with RealRegistry(effort.folder) as registry:
        supply = Supply(registry, prepared, effort.folder)
        supply.push()
        for run in range(effort.times(3, 1)):
            take_turns((Embedded, SkopeoUmoci), supply, effort.folder, run, results)
    for phase in PHASES:
        yield from pair(phase, Embedded.name, SkopeoUmoci.name, results)
