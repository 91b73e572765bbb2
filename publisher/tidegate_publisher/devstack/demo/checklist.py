"""What has to be observed for the demo to have succeeded. PURE.

Everything is decided by what the broker passed on to the demo's own subscriber, but for one fact that is
read on the host's disk: which image is current at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tidegate_publisher.devstack.demo.observation import EventHeard, Observation, StatusHeard
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, UpdateEvent
from tidegate_schemas.status import FollowStatus, Presence


class Key(StrEnum):
    """The checks, in the order in which they come true."""

    ONLINE = "online"
    V1_RUNS = "v1-runs"
    V2_WAITS = "v2-waits"
    FORGED = "forged-refused"
    ALTERED = "altered-refused"
    REPLAYED = "replayed-refused"
    V2_RUNS = "v2-runs"
    V3_BACK = "v3-rolled-back"
    V3_QUARANTINED = "v3-quarantined"


TEXTS: Final = {
    Key.ONLINE: "the host is online",
    Key.V1_RUNS: "v1 announced, verified, running",
    Key.V2_WAITS: "v2 staged, waits for its window",
    Key.FORGED: "forged statement refused",
    Key.ALTERED: "altered statement refused",
    Key.REPLAYED: "replayed statement refused",
    Key.V2_RUNS: "window opens: v2 active, healthy",
    Key.V3_BACK: "v3 is unhealthy: rolled back",
    Key.V3_QUARANTINED: "v3 quarantined, v2 runs again",
}

FORGED_VERSION: Final = "6.6.6"
"""What the attacker's statements claim to be; no host may ever take it up."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the observations are compared with.

    Attributes:
        digests: the images by version, "1" to "3".
        hostile: the SHA-256 (hex) of each message that the attacker sent, by the check that is about it.
        current: the digest that is current on the host's disk at the end; None before that was read.
    """

    digests: dict[str, str]
    hostile: dict[Key, str] = field(default_factory=dict)
    current: str | None = None


Rule = Callable[[Sequence[Observation], Facts], bool]


def holds(key: Key, seen: Sequence[Observation], facts: Facts) -> bool:
    """Whether that was observed."""
    return _RULES[key](seen, facts)


def missing(seen: Sequence[Observation], facts: Facts) -> list[Key]:
    """What was not observed; nothing when the demo succeeded."""
    return [key for key in Key if not holds(key, seen, facts)]


def _online(seen: Sequence[Observation], _: Facts) -> bool:
    return any(isinstance(one, StatusHeard) and one.status.presence is Presence.ONLINE for one in seen)


def _v1_runs(seen: Sequence[Observation], facts: Facts) -> bool:
    return _went(seen, facts, "1", (Step.ACCEPTED, Step.STAGED, Step.ACTIVATING, Step.SUCCEEDED))


def _v2_waits(seen: Sequence[Observation], facts: Facts) -> bool:
    return _went(seen, facts, "2", (Step.ACCEPTED, Step.STAGED, Step.WAITING)) and bool(_window(seen, facts))


def _v2_runs(seen: Sequence[Observation], facts: Facts) -> bool:
    """It was activated after it had waited, and not before its window opened."""
    path = (Step.STAGED, Step.WAITING, Step.ACTIVATING, Step.PROVING, Step.SUCCEEDED)
    waits = _window(seen, facts)
    began = [one.time for one in _about(seen, facts, "2") if one.data.step is Step.ACTIVATING]
    in_time = (
        bool(began) and bool(waits) and all(one.data.until and one.data.until <= began[0] for one in waits)
    )
    return _went(seen, facts, "2", path) and bool(waits) and in_time


def _v3_back(seen: Sequence[Observation], facts: Facts) -> bool:
    path = (Step.STAGED, Step.ACTIVATING, Step.PROVING, Step.ROLLING_BACK, Step.ROLLED_BACK)
    ends = [one.data for one in _about(seen, facts, "3") if one.data.step is Step.ROLLED_BACK]
    back_to_v2 = [
        one.code is Code.HEALTH_FAILED and one.previous_digest == facts.digests["2"] for one in ends
    ]
    return _went(seen, facts, "3", path) and any(back_to_v2)


def _v3_quarantined(seen: Sequence[Observation], facts: Facts) -> bool:
    """The newest status and the disk agree: v3 will not be tried again, and v2 runs."""
    told = [one.status for one in seen if isinstance(one, StatusHeard)]
    follows: tuple[FollowStatus, ...] = told[-1].follows if told else ()
    said = any(one.current == facts.digests["2"] and facts.digests["3"] in one.quarantined for one in follows)
    return said and facts.current == facts.digests["2"]


def _refused(key: Key, code: Code) -> Rule:
    """Just that message was refused with that code, and nothing came of what it claimed."""

    def rule(seen: Sequence[Observation], facts: Facts) -> bool:
        name = facts.hostile.get(key)
        told = [
            one.data
            for one in _events(seen)
            if one.data.step is Step.REJECTED and one.data.details.get("message") == f"sha256:{name}"
        ]
        believed = any(one.data.version == FORGED_VERSION for one in _events(seen))
        return bool(told) and all(one.code is code for one in told) and not believed

    return rule


def _window(seen: Sequence[Observation], facts: Facts) -> list[UpdateEvent]:
    """The events that tell that v2 waits for its window."""
    return [one for one in _about(seen, facts, "2") if one.data.waiting_for == "window" and one.data.until]


def _went(seen: Sequence[Observation], facts: Facts, version: str, path: Sequence[Step]) -> bool:
    """Whether a version went through these steps in this order, with or without others between."""
    steps = (event.data.step for event in _about(seen, facts, version))
    return all(wanted in steps for wanted in path)


def _about(seen: Sequence[Observation], facts: Facts, version: str) -> list[UpdateEvent]:
    digest = facts.digests[version]
    return [one for one in _events(seen) if (one.data.version, one.data.digest) == (version, digest)]


def _events(seen: Sequence[Observation]) -> Iterator[UpdateEvent]:
    return (one.event for one in seen if isinstance(one, EventHeard))


_RULES: Final[dict[Key, Rule]] = {
    Key.ONLINE: _online,
    Key.V1_RUNS: _v1_runs,
    Key.V2_WAITS: _v2_waits,
    Key.FORGED: _refused(Key.FORGED, Code.SIGNATURE_IDENTITY),
    Key.ALTERED: _refused(Key.ALTERED, Code.SIGNATURE_INVALID),
    Key.REPLAYED: _refused(Key.REPLAYED, Code.STATEMENT_ROLLBACK),
    Key.V2_RUNS: _v2_runs,
    Key.V3_BACK: _v3_back,
    Key.V3_QUARANTINED: _v3_quarantined,
}
