"""Why a host does not run what its channel holds. PURE."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Host
    from tidegate_schemas.statement import ChannelStatement
    from tidegate_schemas.status import FollowStatus


class Drift(StrEnum):
    """How a host stands to what its channel holds, the worst first.

    `AHEAD`: it accepted a later statement than the broker holds: somebody has put an older one there.
    `FAULT`: its disk takes nothing, so it does nothing. `UNHEARD`: it is connected and has not taken the
    statement up: it refuses it, or hears nothing. `CHANGED`: it succeeded, and something else runs by now.
    """

    AHEAD = "ahead"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    FAULT = "fault"
    CHANGED = "changed"
    REJECTED = "rejected"
    UNHEARD = "unheard"
    OFFLINE = "offline"
    CANCELLED = "cancelled"
    HELD = "held"
    WAITING = "waiting"
    ACTIVATING = "activating"
    STAGING = "staging"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"
    NOT_MEANT = "not-meant"
    CURRENT = "current"

    @property
    def drifts(self) -> bool:
        """Whether the host should run something else."""
        return self not in _IN_STEP


_IN_STEP: Final = frozenset({Drift.UNKNOWN, Drift.WITHDRAWN, Drift.NOT_MEANT, Drift.CURRENT})
_UNDER_WAY: Final = {
    Step.ACCEPTED.value: Drift.WAITING,
    Step.WAITING.value: Drift.WAITING,
    Step.STAGING.value: Drift.STAGING,
    Step.STAGED.value: Drift.STAGING,
    Step.ACTIVATING.value: Drift.ACTIVATING,
    Step.REBOOTING.value: Drift.ACTIVATING,
    Step.PROVING.value: Drift.ACTIVATING,
    Step.ROLLING_BACK.value: Drift.ACTIVATING,
}
_ENDED: Final = {
    Step.SUCCEEDED.value: Drift.CHANGED,
    Step.FAILED.value: Drift.FAILED,
    Step.ROLLED_BACK.value: Drift.FAILED,
    Step.REJECTED.value: Drift.REJECTED,
    Step.SUPERSEDED.value: Drift.CANCELLED,
    Step.CANCELLED.value: Drift.CANCELLED,
}


def drift_of(host: Host, follow: FollowStatus, announced: Announced | None) -> Drift:
    """How a host stands to what its channel holds, by what it last said of itself."""
    statement = None if announced is None else announced.statement
    if statement is None:
        return Drift.UNKNOWN
    if follow.current == statement.digest:
        return Drift.CURRENT
    if statement.predicate.rollout.state is RolloutState.REVOKED:
        return Drift.WITHDRAWN
    return _drift(host, follow, statement) if _is_meant(host, statement) else Drift.NOT_MEANT


def _drift(host: Host, follow: FollowStatus, statement: ChannelStatement) -> Drift:
    if (follow.sequence or 0) > statement.predicate.sequence:
        return Drift.AHEAD
    if statement.digest in follow.quarantined:
        return Drift.QUARANTINED
    asked = follow.target == statement.digest
    if asked and follow.state in _ENDED:
        return _ENDED[follow.state]
    if not host.online:
        return Drift.OFFLINE
    if host.status is not None and host.status.fault is not None:
        return Drift.FAULT
    return _under_way(follow) if asked else Drift.UNHEARD


def _under_way(follow: FollowStatus) -> Drift:
    if follow.waiting_for == "hold":
        return Drift.HELD
    return Drift.WAITING if follow.waiting_for else _UNDER_WAY.get(follow.state, Drift.UNKNOWN)


def _is_meant(host: Host, statement: ChannelStatement) -> bool:
    # A farewell tells no labels: who has none may have any.
    return statement.predicate.requires.met_by(host.labels or None, host.arch)
