"""What has to be so at the end of a run, whatever was killed in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from tests.faults.kills.acts import By
from tests.faults.kills.images import Fate
from tests.faults.kills.play import Played, timeless
from tests.support.updates import NEW
from tidegate_agent.machine import is_committed
from tidegate_agent.update.states import Idle, Settled, State
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tidegate_schemas.events import UpdateEvent

_STATE: Final[TypeAdapter[State]] = TypeAdapter(State)

Told = tuple[str, str | None, str | None, str | None]
"""A step as the fleet is told it: step, image, what is waited for, code."""


def check(played: Played, models: Sequence[Played]) -> list[str]:
    """What is wrong with a run; nothing when it is as good as one of its models, which nothing disturbed."""
    if played.endless:
        return ["the agent was killed without end"]
    return [*same_end(played, models), *whole(played)]


def as_it_must(played: Played) -> Iterator[str]:
    """Where nobody interferes and nothing is killed, the truth about the image says how it ends."""
    if played.world.act is None:
        fate, result = played.world.image.fate, played.result
        ended = Fate(result.state, result.code, given_up=NEW in result.quarantined)
        if ended != fate:
            yield f"it ends in {ended}, not in {fate}"


def ends(played: Played) -> list[str]:
    """What is wrong with a run in which one step always kills: it has to end, to be told, and to be over."""
    if played.endless:
        return ["the agent was killed without end"]
    state = played.host.state
    if not isinstance(state, Idle | Settled):
        return [f"the update never ends: it is {state.kind}"]
    if played.host.rig.status().presence != "online":
        return ["the agent is not there any more"]
    return list(whole(played))


def same_end(played: Played, models: Sequence[Played]) -> Iterator[str]:
    """It ends as one of the models does, and tells all that this one tells, in order."""
    ended = [model for model in models if _alike(played, model)]
    if not ended:
        expected = " or ".join(dict.fromkeys(str(model.result) for model in models))
        yield f"it ends in {played.result}, not in {expected}"
        return
    steps = told(played)
    missing = [lacking(steps, _expected(played, model)) for model in ended]
    if all(missing):
        yield f"the broker was not told {min(missing, key=len)}, only {steps}"


def _alike(played: Played, model: Played) -> bool:
    result, wanted = played.result, model.result
    if played.world.engine.soft and abs(result.boots - wanted.boots) <= 1:
        # A boot that keeps its id looks like a restart of the agent alone: one that is killed around it may
        # ask once more, or once less.
        wanted = replace(wanted, boots=result.boots)
    return result == wanted


def _expected(played: Played, model: Played) -> list[Told]:
    """What has to be told: nothing of a statement that was never heard, since a newer one took its place."""
    if played.world.act is None:
        return told(model)
    heard = {sequence for sequence, _ in _numbered(played)}
    images = {each[1] for each in told(played)}
    by_publisher = played.world.act.by is By.PUBLISHER
    return [
        each
        for sequence, each in _numbered(model)
        if sequence is None or (sequence in heard if by_publisher else each[1] in images)
    ]


def told(played: Played) -> list[Told]:
    """What the broker was told of updates and requests: once each, without progress and refused messages."""
    return [each for _, each in _numbered(played)]


def _numbered(played: Played) -> list[tuple[int | None, Told]]:
    """The same, each with the sequence of its statement."""
    steps: dict[str, tuple[int | None, Told]] = {}
    for event in played.host.rig.events():
        data = event.data
        if data.percent is None and (data.step is not Step.REJECTED or data.sequence is not None):
            code = None if data.code is None else timeless(data.code)
            step = str(data.step), data.digest, data.waiting_for, code
            steps.setdefault(event.id, (data.sequence, step))
    return list(steps.values())


def lacking(steps: Iterable[Told], wanted: Iterable[Told]) -> list[Told]:
    """What is not there of what is wanted, in this order."""
    rest, lacking_ = iter(list(steps)), []
    for each in wanted:
        remaining = list(rest)
        if each in remaining:
            rest = iter(remaining[remaining.index(each) + 1 :])
        else:
            lacking_.append(each)
            rest = iter(remaining)
    return lacking_


def whole(played: Played, *, forgets: bool = False) -> Iterator[str]:
    """What holds in every world: nothing lost, nothing left over, nothing said in two ways.

    `forgets` where the journal was lost: sequences and the ids of events begin anew then.
    """
    yield from _events(played)
    yield from _store(played)
    yield from _left_over(played, forgets=forgets)
    if not forgets:
        yield from _said_twice(played)
        yield from _unsaid(played)
        if not _forgets(played) and played.memories != sorted(played.memories):
            yield f"the memory of the sequence went back: {played.memories}"


def _events(played: Played) -> Iterator[str]:
    sent = played.host.rig.events()
    written = played.host.rig.book.history(100_000)
    for each in {event.id for event in written} - {event.id for event in sent}:
        yield f"the journal has an event that the broker was never told: {each}"
    places: dict[tuple[object, ...], str] = {}
    for event in written:
        data = event.data
        if data.percent is None and data.waiting_for is None and data.digest is not None:
            place = data.sequence, data.digest, data.attempt, data.step
            if places.setdefault(place, event.id) != event.id:
                yield f"{event.id} and {places[place]} tell the same step"


def _unsaid(played: Played) -> Iterator[str]:
    """Entering a state is a step that is told, wherever there is a step of that name, and so is the end."""
    steps = {each[0] for each in told(played)}
    state = played.host.state
    entered = set(played.visited) & {step.value for step in Step}
    # That of an update which need not wait is passed through.
    entered -= {Step.WAITING.value}
    if isinstance(state, Settled):
        entered.add(state.outcome.value)
    for step in sorted(entered - steps):
        yield f"it was {step}, and the broker was not told"


def _said_twice(played: Played) -> Iterator[str]:
    bodies: dict[str, UpdateEvent] = {}
    for event in played.host.rig.events():
        if bodies.setdefault(event.id, event) != event:
            yield f"two events have the id {event.id}"


def _store(played: Played) -> Iterator[str]:
    rig = played.host.rig
    state = rig.durable
    if _STATE.validate_json(_STATE.dump_json(state)) != state:
        yield f"the journal cannot read what it wrote: {state}"
    if rig.book.unsent(1):
        yield f"the outbox still has {rig.book.unsent(1)}"
    if rig.book.kept():
        yield "a request was never decided"


def _forgets(played: Played) -> bool:
    act = played.world.act
    return act is not None and "reset" in act.name


def _left_over(played: Played, *, forgets: bool) -> Iterator[str]:
    rig, disk = played.host.rig, played.host.rig.disk
    state = rig.durable
    if rig.guard.armed is not None and not is_committed(state):
        yield f"the boot guard still watches for {rig.guard.armed[0]}"
    if isinstance(state, Idle | Settled):
        if disk.armed or disk.status.staged is not None:
            yield f"{disk.status.staged} is left staged (to be activated: {disk.armed})"
        if disk.status.rollback_queued and not (_was_stranded(state) or forgets):
            yield "a rollback is left queued"
        if disk.fetched:
            yield f"half an image is left on the disk: {disk.fetched}"
        if rig.slots.holders:
            yield "the fleet's lock is still held"


def _was_stranded(state: State) -> bool:
    """Whether no reboot brought the way back, which is still to come then."""
    failure = state.failure if isinstance(state, Settled) else None
    return failure is not None and failure.code.value == "rollback.failed"
