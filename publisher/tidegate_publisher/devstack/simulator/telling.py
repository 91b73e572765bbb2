"""What a simulated host tells: events and status, in the agent's words. Pure.

An event's id is `host/product/channel/sequence/attempt/step`, with a suffix where a step can come more than
once in an attempt (docs/protocol.md, "Events").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.simulator.progress import Stage
from tidegate_schemas import limits
from tidegate_schemas.base import rfc3339
from tidegate_schemas.events import Step, UpdateData, UpdateEvent
from tidegate_schemas.status import FollowStatus, HostStatus, Inventory, Presence

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.devstack.simulator.course import Course
    from tidegate_publisher.devstack.simulator.hostmodel import HostModel
    from tidegate_publisher.devstack.simulator.letters import Letter
    from tidegate_publisher.devstack.simulator.progress import Failure, Update, Wait

ENGINE: Final = "simulated"
AGENT: Final = "simulated"


def update_event(  # noqa: PLR0913 -- all that may be said of a step, each by its name
    model: Course,
    update: Update,
    step: Step,
    now: datetime,
    *,
    failure: Failure | None = None,
    wait: Wait | None = None,
    percent: int | None = None,
) -> UpdateEvent:
    """The event for one step of an update."""
    suffix = ""
    if wait is not None:
        suffix = f"-{wait.reason}-{int(now.timestamp())}"
    elif percent is not None:
        suffix = f"-{percent}"
    predicate = update.target.predicate
    data = UpdateData(
        product=predicate.product,
        channel=predicate.channel,
        step=step,
        sequence=predicate.sequence,
        digest=update.digest,
        version=predicate.version,
        attempt=update.attempt,
        percent=percent,
        waiting_for=None if wait is None else wait.reason,
        until=None if wait is None else wait.until,
        code=None if failure is None else failure.code,
        reason=wait.text if wait is not None else "" if failure is None else failure.reason,
        details={} if failure is None else failure.details,
        previous_digest=update.previous,
        boot_id=model.boot_id,
        durations=update.durations(now),
        bytes_fetched=update.bytes_fetched,
    )
    place = f"{model.key}/{predicate.sequence}/{update.attempt}/{step}{suffix}"
    return _event(model, place, data, now)


def refusal_event(model: HostModel, letter: Letter, failure: Failure, now: datetime) -> UpdateEvent:
    """The event for a message that was refused."""
    product, channel = model.channel
    data = UpdateData(
        product=product,
        channel=channel,
        step=Step.REJECTED,
        code=failure.code,
        reason=failure.reason[: limits.TEXT],
        details={**failure.details, "message": f"sha256:{letter.name}"},
        boot_id=model.boot_id,
    )
    return _event(model, f"{model.key}/refused/{letter.name[:16]}/{failure.code}", data, now)


def stale_event(model: HostModel, now: datetime) -> UpdateEvent:
    """The event for a channel whose newest statement has expired."""
    product, channel = model.channel
    memory = model.memory
    when = "" if memory.expires is None else f" at {rfc3339(memory.expires)}"
    data = UpdateData(
        product=product,
        channel=channel,
        step=Step.STALE,
        sequence=memory.sequence or None,
        reason=f"the newest statement expired{when} and no newer one came",
        boot_id=model.boot_id,
    )
    return _event(model, f"{model.key}/{memory.sequence}/stale", data, now)


def _event(model: Course, place: str, data: UpdateData, now: datetime) -> UpdateEvent:
    return UpdateEvent.told(model.profile.host, place, data, now)


def status(
    model: HostModel, connection: int, presence: Presence, now: datetime, revision: int = 0
) -> HostStatus:
    """The retained status."""
    profile = model.profile
    return HostStatus(
        host=profile.host,
        presence=presence,
        start=model.start,
        connection=connection,
        revision=revision,
        at=now,
        boot_id=model.boot_id,
        labels=profile.labels,
        inventory=_INVENTORIES.setdefault(profile.arch, _inventory(profile.arch)),
        follows=(_follow(model, now),),
    )


def last_will(model: HostModel, connection: int, now: datetime) -> HostStatus:
    """What the broker says when the connection breaks."""
    return HostStatus(
        host=model.profile.host,
        presence=Presence.OFFLINE,
        start=model.start,
        connection=connection,
        at=now,
        boot_id=model.boot_id,
    )


@dataclass(frozen=True, slots=True)
class Gist:
    """What a status says besides its moment: two with the same gist need not both be told.

    Attributes:
        sequence: the newest that was accepted.
        rest: all else.
    """

    sequence: int
    rest: tuple[object, ...]

    def differs_by_sequence_alone(self, other: Gist) -> bool:
        """Whether a later statement was accepted, and nothing came of it."""
        return self.rest == other.rest and self.sequence != other.sequence


def gist(model: HostModel) -> Gist:
    """See Gist."""
    images, memory, update = model.images, model.memory, model.update
    where = model.stage, model.outcome, model.wait, model.failure, model.refused, len(model.quarantined)
    lies = images.current, images.staged, images.previous
    rest = (*where, *lies, model.start, None if update is None else update.digest)
    return Gist(memory.sequence, rest)


_INVENTORIES: Final[dict[str, Inventory]] = {}


def _inventory(arch: str) -> Inventory:
    return Inventory(arch=arch, kernel="6.1.0", os="simulated", agent=AGENT)


def _follow(model: HostModel, now: datetime) -> FollowStatus:
    product, channel = model.channel
    update, images, memory = model.update, model.images, model.memory
    state = model.stage.value
    if model.stage is Stage.SETTLED and model.outcome is not None:
        state = model.outcome.value
    wait = model.wait if model.stage in {Stage.WAITING, Stage.STAGED} else None
    failure = model.failure if model.stage is Stage.SETTLED else None
    return FollowStatus(
        product=product,
        channel=channel,
        engine=ENGINE,
        state=state,
        sequence=memory.sequence or None,
        current=images.current,
        version=images.versions.get(images.current),
        staged=images.staged,
        previous=images.previous,
        target=None if update is None else update.digest,
        target_version=None if update is None else update.version,
        waiting_for=None if wait is None else wait.reason,
        until=None if wait is None else wait.until,
        code=None if failure is None else failure.code,
        reason=wait.text if wait else failure.reason if failure else "",
        stale_since=memory.expires if memory.expires is not None and memory.expires <= now else None,
        quarantined=tuple(model.quarantined)[: limits.ITEMS],
        refused=model.refused,
    )
