"""One broker under measurement, and what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.bench import procfs
from tests.bench.figure import Figure
from tests.bench.scale.worlds import World
from tests.support.bundles import a_message
from tests.support.statements import a_statement, digest_of
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.topics import Topics

PATIENCE_S: Final = 600.0
TOPICS: Final = Topics()
CHANNEL: Final = TOPICS.channel("os", "stable")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """What the nodes of a broker have used: processor time in seconds, and resident memory in bytes."""

    cpu_s: float
    rss_bytes: float

    def since(self, earlier: Usage) -> Usage:
        """What was used in between."""
        return Usage(self.cpu_s - earlier.cpu_s, self.rss_bytes - earlier.rss_bytes)


@dataclass(frozen=True, slots=True)
class Scene:
    """One broker under measurement.

    Attributes:
        name: of the broker, for the figures.
        world: the broker.
        hosts: how many.
        events: how many.
        sigstore: signs statements.
        folder: for logs.
    """

    name: str
    world: World
    hosts: int
    events: int
    sigstore: LocalSigstore
    folder: Path

    def figure(self, what: str, unit: str, value: float) -> Figure:
        """One value, in a grid of brokers."""
        line = f"{what} [{unit}]" if unit else what
        return Figure(f"{self.name}: {what}", unit, (value,), line=line, column=self.name)

    def usage(self) -> Usage:
        """What the broker has used so far."""
        pids = self.world.pids()
        return Usage(sum(procfs.activity(pid).cpu_s for pid in pids), _MIB * sum(map(procfs.rss_mib, pids)))

    def statement(self, sequence: int, *, opened: bool = False) -> bytes:
        """A genuine statement: with a wave that is closed hosts decide to wait, and do no more."""
        now = datetime.now(UTC)
        rollout = Rollout(seed=f"{self.name}-{sequence}", waves=(Wave(name="all", open=opened),))
        fields = {"sequence": sequence, "version": "2.0", "rollout": rollout}
        statement = a_statement(digest_of("b"), issued_at=now, **fields)
        return a_message(self.sigstore, statement.to_json(), now=now)


def deadline() -> float:
    """When a measurement has failed."""
    return time.monotonic() + PATIENCE_S
