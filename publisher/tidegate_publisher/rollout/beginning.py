"""How a run begins: with which image, against which claims, and with which rollout. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.durations import format_moment
from tidegate_publisher.rollout.decision import Moment, decide
from tidegate_publisher.rollout.decisions import Ask, Open
from tidegate_publisher.rollout.picture import Picture
from tidegate_publisher.rollout.steps import afterwards, closed
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.hosts import Fleet
    from tidegate_publisher.ports import ResolvedImage
    from tidegate_publisher.publication import Current
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.ports import Teller
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement


def wanted_digest(plan: Plan, version: str, before: Current, image: ResolvedImage, teller: Teller) -> str:
    """The digest of the image that is led; a tag that has moved since this run began does not change it.

    Args:
        plan: the run's.
        version: of the release.
        before: what the channel holds.
        image: what the release's reference stands for now.
        teller: is told of a tag that has moved.
    """
    if image.tag is None or before.verified is None:
        return image.digest
    stands = before.verified.statement
    runner = stands.predicate.rollout.runner
    began = runner is not None and runner.id == plan.run and runner.ended is None
    if not began or stands.predicate.version != version or stands.digest == image.digest:
        return image.digest
    teller.note(
        f"{image.repository}:{image.tag} is {image.digest} now, but this run began with {stands.digest} and "
        "goes on with that"
    )
    return stands.digest


def require_unclaimed(plan: Plan, rollout: Rollout, now: datetime) -> None:
    """Refuse to put a release in the place of one that another run leads.

    Raises:
        TidegateError: ROLLOUT_CLAIMED; ROLLOUT_OVERTAKEN for a run whose release this one took the place of.
    """
    runner = rollout.runner
    if plan.take_over:
        return
    if plan.run in rollout.leaders():
        reason = (
            f"The run {plan.run} led a release on this channel before, and another one stands there now: a "
            "job that is repeated brings nothing old back. To put this release in its place, give "
            "--take-over, or another --run-id"
        )
        raise TidegateError(Code.ROLLOUT_OVERTAKEN, reason)
    if runner is None or rollout.state is not RolloutState.ACTIVE:
        return
    if runner.claims(now) and runner.until is not None:
        reason = (
            f"The run {runner.id} leads another release on this channel, until {format_moment(runner.until)} "
            "at least; to put this one in its place, give --take-over"
        )
        raise TidegateError(Code.ROLLOUT_CLAIMED, reason)


def first_rollout(plan: Plan, fleet: Fleet, statement: ChannelStatement, now: datetime) -> Rollout:
    """The rollout that a release is announced with: claimed; its first wave open or asked for."""
    rollout = closed(plan, statement.predicate.rollout, now, statement.predicate.sequence)
    predicate = statement.predicate.model_copy(update={"rollout": rollout})
    first = statement.model_copy(update={"predicate": predicate})
    picture = Picture(plan, fleet, first, now)
    decision = decide(plan, first, picture.tally, Moment(now, leading=True))
    return afterwards(decision, plan, rollout, now) if isinstance(decision, Ask | Open) else rollout
