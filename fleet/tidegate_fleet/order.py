"""Which of a host's words is the newer one. PURE.

They come more than once and, where several share the listening, out of order; their clock may be wrong. It is
decided here and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from tidegate_fleet.standing import Standing

SKEW: Final = timedelta(minutes=5)
"""How far a clock may be ahead of ours and still be believed."""

OUTLIVED: Final = timedelta(minutes=10)
"""A status that comes so long after another word was sent later than it, whatever the host's clock says."""

_COMMITTED: Final = (Step.ACTIVATING, Step.REBOOTING, Step.PROVING, Step.ROLLING_BACK)
_AFTER_AN_END: Final = frozenset({Step.PROVING, Step.ROLLING_BACK})
_RETRY: Final = "retry"


def after(old: Standing | None, new: Standing) -> Standing | None:
    """Where a host stands once a word of it was heard; None when the word changes nothing.

    What a status cannot know (the attempt, how often the channel was reset) stays as events told it. An event
    that comes after the status which told the same adds what only it knows.
    """
    if old is None:
        return new
    same = new.digest == old.digest and new.step is old.step
    if not replaces(new, old):
        adds = same and old.by_status and not new.by_status and new.attempt > old.attempt
        return replace(old, attempt=new.attempt, resets=max(new.resets, old.resets)) if adds else None
    attempt = new.attempt
    if new.by_status:
        attempt = old.attempt if new.digest == old.digest else 0
    stays = same and (old.attempt in {0, attempt})
    return replace(
        new,
        attempt=attempt,
        resets=max(new.resets, old.resets) if new.by_status else new.resets,
        first_heard=min(old.since, new.heard) if stays else None,
    )


def forgotten(standing: Standing) -> Standing:
    """The same of a host that has forgotten how often it tried: what it says next counts by its time."""
    return replace(standing, attempt=0, by_status=True)


def replaces(new: Standing, old: Standing) -> bool:
    """Whether one word of a host is newer than another about the same channel.

    1. Events order themselves by what a host counts: resets, the statement's sequence, attempts.
    2. Within an attempt the host's clock orders them. But an end counts whatever the clock says, as do the
       steps from activation on: a clock that leaps back hides no progress. After an end only a way back that
       was asked for, or an image that came up all the same, is news.
    3. A status is the truth of its moment, ordered by the clock; it knows neither attempts nor which of two
       statements its target came with. One that comes long after the other word is the newer one.
    4. A clock that is ahead of ours is wrong, and orders nothing: then the later word to come is the newer.

    So the events of a host whose clock only goes forward lead to one standing in whatever order they come,
    and however often.
    """
    return _status_replaces(new, old) if new.by_status else _event_replaces(new, old)


def _status_replaces(new: Standing, old: Standing) -> bool:
    if _later(new, old) or new.heard - old.heard > OUTLIVED:
        return True
    if new.digest != old.digest:
        return new.sequence > old.sequence
    return new.phase.final and not old.phase.final and new.sequence >= old.sequence


def _event_replaces(new: Standing, old: Standing) -> bool:
    place, before = (new.resets, new.sequence), (old.resets, old.sequence)
    if place > before:
        return True
    if old.by_status:
        ends = new.digest == old.digest and place == before and new.phase.final and not old.phase.final
        return ends or _later(new, old)
    if place < before:
        return False
    if new.digest != old.digest:
        return _later(new, old)
    if new.attempt != old.attempt:
        return new.attempt > old.attempt
    return _replaces_within_attempt(new, old)


def _replaces_within_attempt(new: Standing, old: Standing) -> bool:
    if old.phase.final:
        return (new.phase.final or new.step in _AFTER_AN_END) and new.at > old.at
    if new.phase.final:
        # A person had it rolled back after it had succeeded: the one end that lies before a step.
        return _later(new, old) or (new.step, old.step) != (Step.SUCCEEDED, Step.ROLLING_BACK)
    return _later(new, old) or _is_further(new, old)


def _is_further(new: Standing, old: Standing) -> bool:
    if new.step not in _COMMITTED or old.waiting_for == _RETRY:
        # An attempt that is to be made again tells that last.
        return False
    return old.step not in _COMMITTED or _COMMITTED.index(new.step) > _COMMITTED.index(old.step)


def _later(new: Standing, old: Standing) -> bool:
    if (new.at - new.heard > SKEW) != (old.at - old.heard > SKEW):
        return True
    return new.at >= old.at
