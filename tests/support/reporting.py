"""Releases to report on: passages by hand, and a fleet of any size whose passages are made while read."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.support.statements import NOON, a_statement, digest_of
from tidegate_fleet.history import Passage, ReleaseKey, ReleaseRecord, StatementRecord
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase, Standing
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState, Wave

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_fleet.hosts import Channel

KEY: Final = ReleaseKey("os", "stable", digest_of("b"))
BEFORE: Final = ReleaseKey("os", "stable", digest_of("a"))
NOW: Final = NOON + timedelta(hours=12)
_SIGNER: Final = "https://github.com/example/os/.github/workflows/release.yml@refs/tags/v2"


def at(seconds: float) -> datetime:
    """So many seconds after the release was first heard of."""
    return NOON + timedelta(seconds=seconds)


def a_passage(host: str, step: Step = Step.SUCCEEDED, end: float = 60.0, **changes: Any) -> Passage:
    """A host that was first heard of at the beginning and stands there since `end`; also for `standing`."""
    told = {name: changes.pop(name) for name in ("code", "reason", "waiting_for", "until") if name in changes}
    standing = Standing(
        digest=KEY.digest, sequence=2, resets=0, attempt=1, step=step, at=at(end), heard=at(end), **told
    )
    fields: dict[str, Any] = {
        "host": host,
        "wave": NO_WAVE,
        "standing": standing,
        "began": at(0),
        "ended": at(end) if standing.phase.final else None,
        "events": 5,
        "verified": 0,
    }
    return Passage(**{**fields, **changes})


@dataclass
class MadeHistory:
    """Implements `report.asked.ReleaseHistory` over passages that are made as they are asked for.

    Attributes:
        made: the passages of each release.
        records: the releases, the newest first.
        told: the statements about each.
    """

    made: dict[ReleaseKey, Callable[[], Iterable[Passage]]]
    records: list[ReleaseRecord]
    told: dict[ReleaseKey, tuple[StatementRecord, ...]] = field(default_factory=dict)

    def releases(self, limit: int = 50, channel: Channel | None = None) -> tuple[ReleaseRecord, ...]:
        found = [one for one in self.records if channel in {None, (one.key.product, one.key.channel)}]
        return tuple(found[:limit])

    def release(self, key: ReleaseKey) -> ReleaseRecord | None:
        return next((record for record in self.records if record.key == key), None)

    def statements(self, key: ReleaseKey) -> tuple[StatementRecord, ...]:
        return self.told.get(key, ())

    def newest_statements(self) -> tuple[StatementRecord, ...]:
        newest: dict[Channel, StatementRecord] = {}
        for one in (one for told in self.told.values() for one in told):
            said = one.statement.predicate
            before = newest.get((said.product, said.channel))
            if before is None or before.statement.predicate.sequence < said.sequence:
                newest[said.product, said.channel] = one
        return tuple(newest.values())

    def passages(self, key: ReleaseKey) -> Iterator[Passage]:
        yield from self.made[key]()


def a_record(
    passages: Iterable[Passage] = (), key: ReleaseKey = KEY, pending: int = 0, **changes: Any
) -> ReleaseRecord:
    """What the history says of a release with these passages, and so many hosts that said nothing."""
    counts = Counter((passage.wave, passage.standing.phase) for passage in passages)
    counts[NO_WAVE, Phase.PENDING] += pending
    return replace(ReleaseRecord(key, "2.0", NOON, None, +counts), **changes)


def told(*statements: tuple[float, dict[str, Any]], verified: bool = True) -> tuple[StatementRecord, ...]:
    """Statements about KEY: when each was heard, in seconds, and the fields of its rollout."""
    records = []
    for place, (seconds, rollout) in enumerate(statements):
        said = a_statement(
            KEY.digest,
            issued_at=at(seconds) - timedelta(seconds=1),
            sequence=place + 2,
            version="2.0",
            rollout=Rollout(seed="seed", **rollout),
        )
        records.append(StatementRecord(said, at(seconds), verified, (_SIGNER,) if verified else ()))
    return tuple(records)


def _waves(canary: bool = True, early: bool = False, everybody: bool = False) -> tuple[Wave, ...]:  # noqa: FBT001, FBT002 -- a row of a table
    return (
        Wave(name="canary", fraction=0.01, open=canary),
        Wave(name="early", fraction=0.1, open=early),
        Wave(name="everybody", open=everybody),
    )


STORY: Final = told(
    (0, {"waves": _waves()}),
    (2400, {"waves": _waves(early=True)}),
    (4500, {"waves": _waves(early=True), "state": RolloutState.HELD}),
    (6300, {"waves": _waves(early=True)}),
    (9000, {"waves": _waves(early=True, everybody=True)}),
    (20000, {"waves": _waves(early=True, everybody=True)}),
)
"""Canary, early, a hold of half an hour, everybody; and one that only renews."""

_FAULTS: Final = (
    (
        Code.HEALTH_FAILED,
        Step.ROLLED_BACK,
        "check 'till' failed 3 times: connection to 10.1.{n}.7:8443 refused",
    ),
    (Code.IMAGE_UNREACHABLE, Step.FAILED, "registry.example/os: timed out after 6 attempts"),
    (Code.DISK_FULL, Step.FAILED, "staging needs 3.1 GB, 1.{n} GB are free on /var"),
    (Code.BOOT_FALLBACK, Step.ROLLED_BACK, "the new image did not come up; the boot loader went back"),
)


def a_fleet(hosts: int, failing: float = 0.03, seed: str = "fleet") -> MadeHistory:
    """A release told by STORY to so many hosts, and one before it; the same each time."""
    counts = Counter({("everybody", Phase.PENDING): max(1, hosts // 100)})
    now = ReleaseRecord(KEY, "2.0", NOON, STORY[-1], counts)
    before = ReleaseRecord(BEFORE, "1.9", NOON - timedelta(days=7), None, {})
    return MadeHistory(
        {
            KEY: lambda: (_one(random.Random(f"{seed}{n}"), n, failing) for n in range(hosts)),  # noqa: S311 -- no secret
            BEFORE: lambda: (_earlier(random.Random(f"{seed}-{n}"), n) for n in range(hosts)),  # noqa: S311 -- the same
        },
        [now, before],
        {KEY: STORY},
    )


def _one(chance: random.Random, number: int, failing: float) -> Passage:
    place = chance.random()
    wave, opened = next(
        (name, opened)
        for name, share, opened in (("canary", 0.01, 0), ("early", 0.1, 2400), ("everybody", 1.0, 9000))
        if place < share
    )
    fetch, prove = chance.lognormvariate(4.6, 0.6), chance.lognormvariate(3.6, 0.3)
    window = chance.uniform(600, 24000) if chance.random() < 0.18 else 0.0
    sessions = chance.expovariate(1 / 900) if chance.random() < 0.07 else 0.0
    end = opened + chance.expovariate(1 / 120) + fetch + window + sessions + 55 + prove
    waits = {"wave": opened, "window": window, "sessions": sessions}
    durations = {
        "accepted": 0.4,
        "waiting": opened + window + sessions,
        "staging": fetch,
        "staged": 2.0,
        "activating": 12.0,
        "rebooting": 41.0,
        "proving": prove,
        "total": end,
    }
    name = f"{chance.choice(('till', 'kiosk', 'edge', 'gate'))}-{number:05d}"
    rest: dict[str, Any] = {
        "wave": wave,
        "began": at(1 + chance.random() * 20),
        "activated": at(max(0.0, end - prove - 53)),
        "durations": durations,
        "waited_for": {reason: seconds for reason, seconds in waits.items() if seconds},
        "events": 9,
        "verified": 9 if number % 5 else 0,
    }
    fate = chance.random()
    if fate < failing:
        code, step, reason = _FAULTS[min(int(chance.expovariate(1.1)), 3)]
        return a_passage(name, step, end, code=code, reason=reason.format(n=number % 250), **rest)
    if fate < failing + 0.004:
        return a_passage(name, Step.REBOOTING, end, **rest)
    if fate < failing + 0.012:
        return a_passage(name, Step.WAITING, opened + fetch, waiting_for="window", until=NOW, **rest)
    return a_passage(name, Step.SUCCEEDED, end, **rest)


def _earlier(chance: random.Random, number: int) -> Passage:
    passage = _one(chance, number, 0.012)
    shift = timedelta(days=7) - timedelta(seconds=chance.uniform(0, 3000))
    ended = None if passage.ended is None else max(NOON - timedelta(days=7), passage.ended - shift)
    return replace(passage, ended=ended, began=passage.began - timedelta(days=7))


def releases(number: int, hosts: int = 200) -> MadeHistory:
    """So many releases of one channel, a week apart, the newest first; the same each time."""
    made: dict[ReleaseKey, Callable[[], Iterable[Passage]]] = {}
    records = []
    for place in range(number):
        key = ReleaseKey("os", "stable", f"sha256:{place:064x}")
        first = NOON - timedelta(days=7 * place)
        made[key] = partial(_shifted, place, hosts, first - NOON)
        records.append(ReleaseRecord(key, f"2.{number - place}", first, None, {}))
    return MadeHistory(made, records)


def _shifted(place: int, hosts: int, by: timedelta) -> Iterator[Passage]:
    for number in range(hosts):
        passage = _one(random.Random(f"{place}-{number}"), number, 0.01 + 0.02 * (place % 3))  # noqa: S311 -- no secret
        ended = None if passage.ended is None else passage.ended + by
        standing = replace(passage.standing, heard=passage.standing.heard + by)
        yield replace(passage, ended=ended, began=passage.began + by, standing=standing)
