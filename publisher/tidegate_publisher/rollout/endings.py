"""How a run's end is told: exit code, code and what to do."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from tidegate_publisher.exit_codes import ExitCode, exit_code
from tidegate_publisher.rollout.decisions import Outcome
from tidegate_schemas.codes import Code


class RolloutExit(IntEnum):
    """The exit status of `tidegate rollout run`; its 4 and 5 are its own."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    TIMED_OUT = 3
    HELD = 4
    REFUSED = 5
    INTERRUPTED = 130


MEANINGS: Final = {
    RolloutExit.DONE: "done: all waves, or up to --until",
    RolloutExit.FAILED: "a threshold was passed: the release is held or revoked; or another error",
    RolloutExit.USAGE: "the command, the release file or a setting is wrong; nothing was tried",
    RolloutExit.TIMED_OUT: "timed out; if the release is held now, `tidegate resume` it, then repeat this",
    RolloutExit.HELD: "somebody has held or revoked the release",
    RolloutExit.REFUSED: "refused by trust, or the channel is led by another run",
    RolloutExit.INTERRUPTED: "told to end (Ctrl-C, SIGTERM); what is open stays open, and no more is opened",
}

EXITS: Final = {
    Outcome.DONE: RolloutExit.DONE,
    Outcome.FAILED: RolloutExit.FAILED,
    Outcome.TIMED_OUT: RolloutExit.TIMED_OUT,
    Outcome.HELD: RolloutExit.HELD,
    Outcome.REVOKED: RolloutExit.HELD,
    Outcome.CLAIMED: RolloutExit.REFUSED,
    Outcome.OVERTAKEN: RolloutExit.REFUSED,
    Outcome.INTERRUPTED: RolloutExit.INTERRUPTED,
}

CODES: Final = {
    Outcome.FAILED: Code.ROLLOUT_FAILED,
    Outcome.TIMED_OUT: Code.ROLLOUT_TIMEOUT,
    Outcome.HELD: Code.ROLLOUT_HELD,
    Outcome.REVOKED: Code.ROLLOUT_REVOKED,
    Outcome.CLAIMED: Code.ROLLOUT_CLAIMED,
    Outcome.OVERTAKEN: Code.ROLLOUT_OVERTAKEN,
    Outcome.INTERRUPTED: Code.ROLLOUT_INTERRUPTED,
}

_OURS: Final = frozenset({Code.ROLLOUT_CLAIMED, Code.ROLLOUT_DIFFERS, Code.ROLLOUT_OVERTAKEN})
_BY_THE_REST: Final = {ExitCode.REFUSED: RolloutExit.REFUSED}


def exit_for(code: Code) -> RolloutExit:
    """The exit status for an error that ended a run."""
    if code in _OURS:
        return RolloutExit.REFUSED
    usual = exit_code(code)
    return _BY_THE_REST.get(usual) or RolloutExit(int(usual))
