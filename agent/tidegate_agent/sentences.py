"""Where a host stands, in one sentence for a person: what it waits for, or what went wrong. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.plaintext import one_line
from tidegate_agent.update.states import Outcome, WaitFor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_schemas.status import FollowStatus, HostStatus

AWAITED: Final = {
    WaitFor.STATEMENT: "a statement that has not expired",
    WaitFor.HOLD: "a hold to be lifted",
    WaitFor.WAVE: "its wave of the rollout",
    WaitFor.WINDOW: "a maintenance window",
    WaitFor.CLOCK: "a clock that is right",
    WaitFor.APPROVAL: "a person's approval",
    WaitFor.INHIBITOR: "what inhibits it to end",
    WaitFor.LOCK: "the fleet's lock",
    WaitFor.SESSIONS: "those who are logged in",
    WaitFor.SNOOZE: "the hour it was put off to",
    WaitFor.TURN: "another update of this host",
    WaitFor.METERED: "a network that is not metered",
    WaitFor.BUDGET: "more of the budget for downloads",
    WaitFor.RETRY: "another try",
}
"""What is waited for, as it ends a sentence."""

UNDER_WAY: Final = {
    "staging": "is being fetched",
    "activating": "is being activated",
    "rebooting": "needs a reboot, which was asked for",
    "proving": "runs and has yet to prove healthy",
    "rolling-back": "is being left for the previous image",
}
"""What goes on, by state."""

WENT_WRONG: Final = {
    Outcome.FAILED: "failed",
    Outcome.ROLLED_BACK: "was rolled back",
    Outcome.REJECTED: "was rejected",
}
"""Ends that a person should know of."""


def sentence(follow: FollowStatus) -> str | None:
    """What a follow waits for, does, or failed at; None where all is well."""
    version = f"version {follow.target_version}" if follow.target_version else "an update"
    if follow.waiting_for in {each.value for each in WaitFor}:
        how = "lies ready and waits" if follow.staged and follow.staged == follow.target else "waits"
        until = f", until {follow.until:%Y-%m-%d %H:%M} UTC" if follow.until else ""
        return f"{version} {how} for {AWAITED[WaitFor(follow.waiting_for)]}{until}"
    if follow.state in UNDER_WAY:
        return f"{version} {UNDER_WAY[follow.state]}"
    for outcome, words in WENT_WRONG.items():
        if follow.state == outcome.value:
            return f"the update to {version} {words}"
    return None


def motd_lines(status: HostStatus) -> Iterator[str]:
    """What is told to those who log in; nothing where all is well."""
    if status.fault is not None:
        yield one_line(f"tidegate: nothing is done here for now: [{status.fault.code}] {status.fault.reason}")
    for follow in status.follows:
        words = sentence(follow)
        if words is not None:
            why = f": {follow.reason}" if follow.reason else ""
            yield one_line(f"tidegate: {follow.product}/{follow.channel}: {words}{why}")
        for digest in follow.quarantined:
            how = f"tidegate-agent approve --quarantined {digest} lifts that"
            yield one_line(f"tidegate: {follow.product}/{follow.channel}: an image is in quarantine; {how}")
