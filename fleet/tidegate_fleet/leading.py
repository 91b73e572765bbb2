"""What a statement says of the run that leads its release: who, what it asks, who waits for a budget. PURE.

A run writes into the signed statement how far it is (`rollout.runner`). Here that is read for whoever
watches: a record stays when its run has ended, and does not say by itself whether it still counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_schemas.rollout import Rollout, RolloutState, Runner, Wave, wave_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_schemas.statement import ChannelPredicate


@dataclass(frozen=True, slots=True)
class Asked:
    """A wave that waits for a person's approval, and since when."""

    wave: str
    since: datetime


def leader(rollout: Rollout, now: datetime) -> Runner | None:
    """The run that leads the release at that moment; None when it has ended, or the release is stopped."""
    runner = rollout.runner
    if runner is None or rollout.state is not RolloutState.ACTIVE or not runner.claims(now):
        return None
    return runner


def how_it_ended(rollout: Rollout) -> str | None:
    """How the run ended: `done`, `done up to wave half`, `failed: wave half: …`; None when it did not.

    A run that was told to go up to a certain wave is done, and the release is not.
    """
    runner = rollout.runner
    if runner is None or runner.ended is None:
        return None
    last = rollout.waves[-1].name if rollout.waves else runner.wave
    if runner.ended == "done":
        return "done" if runner.wave == last else f"done up to wave {runner.wave}"
    if runner.because is not None:
        return f"{runner.ended}: {runner.because}"
    return f"{runner.ended} at wave {runner.wave}"


def asked(rollout: Rollout, now: datetime) -> Asked | None:
    """What a person is asked for; None when nothing is.

    Also where the run that asked was killed: whoever goes on as this run opens the wave when it is approved.
    """
    runner = rollout.runner
    if runner is None or runner.asks is None or runner.asked_at is None:
        return None
    if rollout.state is not RolloutState.ACTIVE or runner.asks in runner.approved:
        return None
    wave = next((one for one in rollout.waves if one.name == runner.asks), None)
    if wave is None or wave.is_open(now):
        return None
    return Asked(wave.name, runner.asked_at)


def approval_command(predicate: ChannelPredicate, wave: str) -> str:
    """The command that approves a wave, without the options that say where the broker is and who signs."""
    name = f"{predicate.product}/{predicate.channel}"
    return f"tidegate rollout approve {name} {wave} --expect-sequence {predicate.sequence}"


def widening(rollout: Rollout) -> Wave | None:
    """The wave that its run opens step by step, as its budget allows; None when there is none.

    It is as the statement has it: `fraction` is what is open by now, `rollout.runner.whole` what will be.
    """
    runner = rollout.runner
    if runner is None or runner.whole is None:
        return None
    return next(
        (one for one in rollout.waves if one.name == runner.wave and one.fraction < runner.whole), None
    )


def in_full(rollout: Rollout) -> Rollout:
    """The same rollout with each wave as wide as it will be: which wave is a host's, admitted or not."""
    partly = widening(rollout)
    if partly is None or rollout.runner is None:
        return rollout
    whole = partly.model_copy(update={"fraction": rollout.runner.whole})
    waves = tuple(whole if one is partly else one for one in rollout.waves)
    return rollout.model_copy(update={"waves": waves})


def waits_for_budget(rollout: Rollout, place: float, labels: Mapping[str, str]) -> bool:
    """Whether a host is in the wave that is opened step by step, and not admitted yet.

    Args:
        rollout: as it is announced.
        place: of the host (`rollout.cohort`).
        labels: of the host.
    """
    partly = widening(rollout)
    if partly is None or place < partly.fraction:
        return False
    mine = wave_at(in_full(rollout), place, labels)
    return mine is not None and mine.name == partly.name


def how_far(rollout: Rollout, wave: Wave, now: datetime) -> str:
    """How far a wave is open, in words: `closed`, `open`, `open for 39 %`, `open for 5 % of its 10 %`."""
    if not wave.is_open(now):
        return "closed"
    partly = widening(rollout)
    if partly is None or partly.name != wave.name or rollout.runner is None or rollout.runner.whole is None:
        return "open"
    whole = "" if rollout.runner.whole == 1 else f" of its {_percent(rollout.runner.whole)}"
    return f"open for {_percent(partly.fraction)}{whole}"


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.3g} %"
