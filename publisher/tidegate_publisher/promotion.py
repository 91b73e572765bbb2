"""Opening a rollout's next wave. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_schemas.rollout import Rollout, Wave


def open_wave(rollout: Rollout, name: str | None, now: datetime) -> tuple[Rollout, str]:
    """Open one wave and leave all else as it is: the seed too, so that every host keeps its place.

    Args:
        rollout: as it is announced.
        name: the wave to open; None is the first that is not open.
        now: a wave whose `opens_at` has come is open.

    Returns:
        The rollout afterwards, the same one when there is nothing to open, and what came of it in words.

    Raises:
        TidegateError: ROLLOUT_WAVE when there is no wave of that name; ROLLOUT_CLAIMED when a run opens one
            before it step by step.
    """
    wave = _closed(rollout, now) if name is None else _named(rollout, name)
    if wave is None:
        return (
            rollout,
            "all waves are open already" if rollout.waves else "the release has no waves: all may start",
        )
    if is_open(wave, now):
        return rollout, f"the wave {wave.name} is open already"
    _require_no_budget(rollout, wave, now)
    opened = tuple(
        one.model_copy(update={"open": True}) if one.name == wave.name else one for one in rollout.waves
    )
    return rollout.model_copy(update={"waves": opened}), _told(rollout, wave, now)


def _require_no_budget(rollout: Rollout, wave: Wave, now: datetime) -> None:
    """Refuse to pass a run's budget over: hosts that it has not admitted would all be in this wave."""
    runner = rollout.runner
    if runner is None or runner.whole is None or not runner.claims(now) or wave.name == runner.wave:
        return
    names = [one.name for one in rollout.waves]
    if runner.wave not in names or names.index(wave.name) < names.index(runner.wave):
        return
    led = rollout.waves[names.index(runner.wave)]
    if all(led.labels.get(key, value) == value for key, value in wave.labels.items()):
        reason = (
            f"The run {runner.id} opens the wave {led.name} step by step, as its budget allows; opened now, "
            f"{wave.name} would let in all hosts that wait for that. Promote it when {led.name} is open as a "
            "whole"
        )
        raise TidegateError(Code.ROLLOUT_CLAIMED, reason)


def is_open(wave: Wave, now: datetime) -> bool:
    """Whether hosts of a wave may start."""
    return wave.is_open(now)


def _closed(rollout: Rollout, now: datetime) -> Wave | None:
    return next((wave for wave in rollout.waves if not is_open(wave, now)), None)


def _named(rollout: Rollout, name: str) -> Wave:
    for wave in rollout.waves:
        if wave.name == name:
            return wave
    known = ", ".join(wave.name for wave in rollout.waves)
    has = f"its waves are {known}" if known else "it has none: all hosts may start at once"
    raise TidegateError(Code.ROLLOUT_WAVE, f"The release has no wave {name[:80]!r}; {has}")


def _told(rollout: Rollout, wave: Wave, now: datetime) -> str:
    earlier = rollout.waves[: rollout.waves.index(wave)]
    closed = [one.name for one in earlier if not is_open(one, now)]
    # A host is in the first wave that takes it in, whether that is open or not.
    waits = f"; hosts of {', '.join(closed)} still wait: closed" if closed else ""
    return f"the wave {wave.name} opens{waits}"
