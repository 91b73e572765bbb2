"""A gate read back: what lets a release pass a wave, and what stops it, in words and as a document. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.durations import format_duration
from tidegate_publisher.rollout.figures import percent
from tidegate_publisher.rollout.thresholds import MILLION
from tidegate_schemas.gates import OnFailure, OnTimeout

if TYPE_CHECKING:
    from tidegate_publisher.rollout.thresholds import Limit, Thresholds
    from tidegate_schemas.gates import Budget

_STOPS: Final = {OnFailure.HOLD: "held", OnFailure.REVOKE: "revoked"}
_LATE: Final = {
    OnTimeout.HOLD: "the release is held",
    OnTimeout.STOP: "the run ends, and what is open stays open",
}


def gate_lines(gate: Thresholds) -> list[str]:
    """What a gate says, for a person: what passes, what stops, what happens when neither does."""
    lines = ["opens when a person has approved it"] if gate.approval else []
    lines += [f"opens step by step, every {format_duration(gate.widen_every)} at most"] if gate.budget else []
    lines += [f"  {budget_words(budget)}" for budget in gate.budget]
    enough = f"{percent(gate.success)} succeeded, at least {gate.minimum_hosts}{_offline(gate)}"
    lines += [
        f"passes with {enough}, then soaks {format_duration(gate.soak)}",
        f"is {_STOPS[gate.on_failure]} when too many",
        f"  failed: {_limit(gate.failures, 'ended')}",
        f"  fell silent for {format_duration(gate.silence.after)}: {_limit(gate.silence, 'began')}",
        f"  dropped out for {format_duration(gate.dropouts.after)}: {_limit(gate.dropouts, 'began')}",
        f"after {format_duration(gate.timeout)} without passing, {_LATE[gate.on_timeout]}",
    ]
    return lines


def gate_document(gate: Thresholds) -> dict[str, Any]:
    """The same for a machine, by the release file's keys. Shares are from 0 to 1, durations in seconds."""
    return {
        "success": gate.success / MILLION,
        "minimumHosts": gate.minimum_hosts,
        "ignoreOffline": gate.ignore_offline,
        "failures": _limit_document(gate.failures),
        "silence": {**_limit_document(gate.silence), "afterSeconds": gate.silence.after.total_seconds()},
        "dropouts": {**_limit_document(gate.dropouts), "afterSeconds": gate.dropouts.after.total_seconds()},
        "soakSeconds": gate.soak.total_seconds(),
        "timeoutSeconds": gate.timeout.total_seconds(),
        "onFailure": gate.on_failure.value,
        "onTimeout": gate.on_timeout.value,
        "approval": gate.approval,
        "budget": [budget_document(budget) for budget in gate.budget],
        "widenEverySeconds": gate.widen_every.total_seconds(),
    }


def budget_words(budget: Budget) -> str:
    """`all hosts by site: at most 30%`."""
    which = ", ".join(f"{key}={value}" for key, value in budget.labels.items()) or "all hosts"
    by = f" by {budget.by}" if budget.by else ""
    most = budget.at_most if isinstance(budget.at_most, str) else f"{budget.at_most}"
    return f"{which}{by}: at most {most} at a time"


def budget_document(budget: Budget) -> dict[str, Any]:
    """A budget by the release file's keys."""
    return {"by": budget.by, "labels": dict(budget.labels), "atMost": budget.at_most}


def _offline(gate: Thresholds) -> str:
    return " (offline hosts do not count)" if gate.ignore_offline else ""


def _limit(limit: Limit, came: str) -> str:
    told = []
    if limit.count is not None:
        told.append(f"{limit.count} or more")
    if limit.share < MILLION:
        told.append(f"more than {percent(limit.share)}, once {limit.minimum} {came}")
    return ", or ".join(told) or "any number is taken"


def _limit_document(limit: Limit) -> dict[str, Any]:
    return {"share": limit.share / MILLION, "minimum": limit.minimum, "count": limit.count}
