"""A fleet in the middle of a rollout, told to a history as hosts would tell it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tests.support.statements import a_statement
from tidegate_fleet.history import ReleaseKey, StatementRecord
from tidegate_schemas.codes import Code
from tidegate_schemas.events import TYPE_PREFIX, Step, UpdateData, UpdateEvent
from tidegate_schemas.rollout import Rollout, RolloutState, Wave, wave_of
from tidegate_schemas.status import FollowStatus, HostStatus, Inventory, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_schemas.statement import ChannelStatement

OLD: Final = f"sha256:{hashlib.sha256(b'2.3.0').hexdigest()}"
NEW: Final = f"sha256:{hashlib.sha256(b'2.4.0').hexdigest()}"
KEY: Final = ReleaseKey("os", "stable", NEW)
BEGIN: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NOW: Final = BEGIN + timedelta(hours=6)
SITES: Final = ("lyon", "porto", "malmo", "gdansk")

Word = UpdateEvent | HostStatus | StatementRecord
Told = tuple[Word, datetime]

_REASONS: Final = (
    (Code.HEALTH_FAILED, "check till-selftest failed: scanner did not answer within 30 s"),
    (Code.HEALTH_FAILED, "check till-selftest failed: receipt printer is offline"),
    (Code.IMAGE_UNREACHABLE, "registry.example: connection timed out after 3 tries"),
    (Code.BOOT_FALLBACK, "the boot guard fired: the new system did not come up within 10 min"),
)
_WAVES: Final = (("canary", 0.05), ("early", 0.25), ("everybody", 1.0))


@dataclass(frozen=True)
class Story:
    """What to tell.

    Attributes:
        hosts: how many there are.
        seed: makes the same story every time.
        events: whether hosts tell their events; else they describe themselves, and no more.
    """

    hosts: int = 200
    seed: int = 7
    events: bool = True

    def names(self) -> list[str]:
        """The hosts' names, in their order."""
        return [f"till-{number:05d}" for number in range(1, self.hosts + 1)]

    def tell(self) -> Iterator[Told]:
        """Every word with the moment at which it is heard, in that order for each host."""
        yield from statements()
        dice = random.Random(self.seed)  # noqa: S311 - a story, no secret
        for name in self.names():
            yield from self._host(name, dice)

    def _host(self, name: str, dice: random.Random) -> Iterator[Told]:
        labels = {"site": dice.choice(SITES), "ring": "pilot" if name.endswith("7") else "fleet"}
        end, code, reason = _fate(name, labels, dice)
        online = dice.random() > 0.04
        begin = BEGIN + timedelta(minutes=10 + 300 * dice.random())
        told = list(_way(name, begin, end, code, reason, dice))
        heard = told[-1][1] if told else BEGIN
        yield a_host(name, labels, end=end, online=online, code=code), min(heard, NOW)
        if self.events:
            yield from told


def statements() -> Iterator[Told]:
    """The old release, and the new one: announced, promoted, held, resumed and promoted again."""
    before = a_statement(OLD, sequence=6, version="2.3.0", issued_at=BEGIN - timedelta(days=20))
    yield _record(before, BEGIN - timedelta(days=20)), BEGIN - timedelta(days=20)
    acts = (
        (7, 1, "active", 0),
        (8, 2, "active", 60),
        (9, 2, "held", 95),
        (10, 2, "active", 130),
        (11, 3, "active", 180),
    )
    for sequence, opened, state, minutes in acts:
        moment = BEGIN + timedelta(minutes=minutes)
        yield _record(new_statement(sequence, opened, RolloutState(state)), moment), moment


def new_statement(sequence: int, opened: int, state: RolloutState = RolloutState.ACTIVE) -> ChannelStatement:
    """A statement about the new release with so many open waves."""
    waves = tuple(
        Wave(name=name, fraction=fraction, open=place < opened)
        for place, (name, fraction) in enumerate(_WAVES)
    )
    rollout = Rollout(seed="2.4.0", state=state, waves=waves)
    return a_statement(NEW, sequence=sequence, version="2.4.0", issued_at=BEGIN, rollout=rollout)


def a_host(
    name: str, labels: dict[str, str], *, end: Step | None, online: bool = True, code: Code | None = None
) -> HostStatus:
    """What a host says of itself after `end`; None: before it heard of the new release."""
    done = end is Step.SUCCEEDED
    follow = FollowStatus(
        product="os",
        channel="stable",
        engine="bootc",
        state="idle" if end is None else end.value,
        sequence=6 if end is None else 11,
        current=NEW if done else OLD,
        version="2.4.0" if done else "2.3.0",
        previous=OLD if done else None,
        target=None if end is None else NEW,
        target_version=None if end is None else "2.4.0",
        code=code,
        quarantined=(NEW,) if end is Step.ROLLED_BACK else (),
    )
    inventory = Inventory(arch="x86_64", kernel="6.12.9", os="Example OS 42", agent="0.6.0")
    return HostStatus(
        host=name,
        presence=Presence.ONLINE if online else Presence.OFFLINE,
        start=1,
        connection=1,
        revision=1,
        at=NOW,
        labels=labels,
        inventory=inventory,
        follows=(follow,),
    )


def an_update(name: str, step: Step, moment: datetime, **more: object) -> UpdateEvent:
    """One event of a host about the new release."""
    fields = {
        "product": "os",
        "channel": "stable",
        "sequence": 11,
        "digest": NEW,
        "version": "2.4.0",
        "attempt": 1,
    }
    data = UpdateData.model_validate({**fields, "step": step, **more}, strict=False)
    return UpdateEvent(
        id=f"{name}/os/stable/11/1/{step}",
        source=f"/tidegate/hosts/{name}",
        type=TYPE_PREFIX + step,
        subject=name,
        time=moment,
        data=data,
    )


def _record(statement: ChannelStatement, moment: datetime) -> StatementRecord:
    return StatementRecord(statement, moment, verified=True, signers=("release job",))


def _fate(name: str, labels: dict[str, str], dice: random.Random) -> tuple[Step | None, Code | None, str]:
    wave = wave_of(new_statement(11, 3).predicate.rollout, name, labels)
    chance = dice.random()
    if wave is not None and wave.name == "everybody" and chance < 0.45:
        return dice.choice((None, Step.WAITING, Step.STAGING, Step.ACTIVATING)), None, ""
    if chance > 0.96:
        return Step.ROLLED_BACK, *dice.choice(_REASONS)
    return Step.SUCCEEDED, None, ""


def _way(
    name: str, begin: datetime, end: Step | None, code: Code | None, reason: str, dice: random.Random
) -> Iterator[Told]:
    if end is None:
        return
    passed = (Step.ACCEPTED, Step.WAITING, Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.PROVING, end)
    cut = passed.index(end) + 1
    moment = begin
    for step in passed[:cut]:
        more: dict[str, object] = {}
        if step is Step.WAITING:
            more = {"waiting_for": "window", "until": moment + timedelta(hours=2)}
        elif step is Step.STAGING:
            more = {"percent": dice.choice((0, 25, 50, 75))}
        elif step is end and step.final:
            durations = {
                "staging": 41.0 + dice.random() * 60,
                "activating": 12.5,
                "rebooting": 48.0,
                "proving": 20.0,
            }
            more = {
                "code": code,
                "reason": reason,
                "durations": {**durations, "total": sum(durations.values()) + 120},
            }
        yield an_update(name, step, moment, **more), min(moment, NOW)
        moment += timedelta(minutes=1 + 4 * dice.random())
