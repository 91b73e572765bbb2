"""What the machine would answer, but the shell around it never asks; each with the reason.

test_worlds.py fails where a run reaches one all the same: the reason is wrong then.
"""

from __future__ import annotations

from typing import Final

_COMMITTED: Final = ("activating", "rebooting", "proving", "rolling-back")
_ACTIVE: Final = ("waiting", "staging", "staged", *_COMMITTED)
_WORDS_OF_STAGING: Final = ("Progressed", "StageDone", "StageFailed")

_KNOWN: Final = (
    "a message is known only to a host that has ended its update; the follower looks before it tells"
)
_LATE: Final = "one worker stages and activates, and its words are heard in order: all of staging comes first"
_IDLE: Final = "an idle host has never begun an update, so no staging of one can speak"
_HEARD: Final = "hearing a message leaves this state, and no update can end in it"

UNREACHABLE_EDGES: Final[dict[tuple[str, str], str]] = {
    **{(state, "Known"): _KNOWN for state in ("idle", *_ACTIVE)},
    **{(state, word): _LATE for state in _COMMITTED for word in _WORDS_OF_STAGING},
    **{("idle", word): _IDLE for word in _WORDS_OF_STAGING},
    ("idle", "Admitted"): _HEARD,
    ("idle", "Refused"): _HEARD,
    ("idle", "RollbackRequested"): "an idle host knows no update that it could go back from",
    ("verifying", "Heard"): "one message is verified at a time; the next one is heard after the verdict",
    ("verifying", "Restarted"): "this state is not written down: the agent wakes up in the one before",
}
"""By kind of state and kind of event."""

_SIDES: Final = ("before", "after")
_CALLS: Final = {
    (
        "idle",
        "verifier.verify",
    ): "a message that is heard leads out of it before its verdict is asked for",
    ("verifying", "guard.fired"): "the guard is asked at a start, and this state is not written down",
    ("verifying", "verifier.verify_request"): "requests are judged when no statement is left to be judged",
    ("waiting", "lock.acquire"): "the fleet's lock is asked for when an activation is considered, not before",
    ("rebooting", "guard.disarm"): "the guard watches over the reboot, and is stood down in another state",
    **{
        (state, "lock.release"): "the fleet's lock is held from the activation to the end of the proof"
        for state in ("activating", "rebooting", "proving")
    },
}

UNREACHABLE_CELLS: Final[dict[tuple[str, str], str]] = {
    (state, f"{side} {call}"): why for (state, call), why in _CALLS.items() for side in _SIDES
}
"""By kind of state and fault."""
