"""What the demo's subscriber hears when everything goes well, event by event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tidegate_publisher.devstack.demo.checklist import Facts, Key
from tidegate_publisher.devstack.demo.observation import EventHeard, Observation, StatusHeard
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, UpdateData, UpdateEvent
from tidegate_schemas.status import FollowStatus, HostStatus, Presence

START: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OPENS: Final = START + timedelta(seconds=20)
DIGESTS: Final = {version: "sha256:" + version * 64 for version in "123"}
HOSTILE: Final = {Key.FORGED: "f" * 64, Key.ALTERED: "a" * 64, Key.REPLAYED: "e" * 64}
FACTS: Final = Facts(DIGESTS, HOSTILE, DIGESTS["2"])


def event(at: float, step: Step, **data: Any) -> EventHeard:
    """An event that was told `at` seconds after the start."""
    told = UpdateEvent(
        id=f"demo-host/{at}/{step}",
        source="/tidegate/hosts/demo-host",
        type=f"dev.tidegate.update.{step.value}",
        subject="demo-host",
        time=START + timedelta(seconds=at),
        data=UpdateData(product="hello", channel="stable", step=step, **data),
    )
    return EventHeard(at, told)


def step_of(version: str, at: float, step: Step, **data: Any) -> EventHeard:
    """A step of one version's update."""
    return event(at, step, version=version, digest=DIGESTS[version], sequence=int(version), **data)


def refusal(at: float, key: Key, code: Code) -> EventHeard:
    """A refusal of one of the attacker's messages."""
    return event(at, Step.REJECTED, code=code, details={"message": f"sha256:{HOSTILE[key]}"})


def status(at: float, **follow: Any) -> StatusHeard:
    """The host's status."""
    entry = FollowStatus(product="hello", channel="stable", engine="embedded", state="settled", **follow)
    return StatusHeard(
        at,
        HostStatus(
            host="demo-host",
            presence=Presence.ONLINE,
            start=1,
            connection=1,
            at=START + timedelta(seconds=at),
            follows=(entry,),
        ),
    )


def flawless_run() -> list[Observation]:
    """All that has to be heard, in order."""
    sick = {"code": Code.HEALTH_FAILED, "previous_digest": DIGESTS["2"]}
    return [
        status(1),
        step_of("1", 2, Step.ACCEPTED),
        step_of("1", 3, Step.STAGED),
        step_of("1", 4, Step.ACTIVATING),
        step_of("1", 5, Step.SUCCEEDED),
        step_of("2", 6, Step.ACCEPTED),
        step_of("2", 7, Step.STAGED),
        step_of("2", 8, Step.WAITING, waiting_for="window", until=OPENS),
        refusal(9, Key.FORGED, Code.SIGNATURE_IDENTITY),
        refusal(10, Key.ALTERED, Code.SIGNATURE_INVALID),
        refusal(11, Key.REPLAYED, Code.STATEMENT_ROLLBACK),
        step_of("2", 21, Step.ACTIVATING),
        step_of("2", 22, Step.PROVING),
        step_of("2", 23, Step.SUCCEEDED),
        step_of("3", 24, Step.STAGED),
        step_of("3", 25, Step.ACTIVATING),
        step_of("3", 26, Step.PROVING),
        step_of("3", 27, Step.ROLLING_BACK, **sick),
        step_of("3", 28, Step.ROLLED_BACK, **sick),
        status(29, current=DIGESTS["2"], quarantined=(DIGESTS["3"],)),
    ]
