"""From the counts of a release to the lines of a picture. PURE."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tidegate_fleet.leading import approval_command, asked, how_far, how_it_ended, in_full, leader
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.phrases import clock
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.pace import Speed
from tidegate_fleet.watch.picture import FailureLine, Release, SilentHost, Trust, WaveLine
from tidegate_fleet.watch.plain import distance, plain
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Host
    from tidegate_fleet.leading import Asked
    from tidegate_fleet.progress import Progress
    from tidegate_fleet.watch.picture import Picture
    from tidegate_schemas.rollout import Rollout, Wave

__all__ = ["FINAL", "Speed", "filled", "release", "remaining", "wave_lines"]

FINAL: Final = tuple(phase for phase in Phase if phase.final)
_SILENT_SHOWN: Final = 50
_FAILURES_SHOWN: Final = 50


def release(seen: Announced, now: datetime) -> Release | None:
    """What the channel holds."""
    if seen.statement is None:
        return None
    said = seen.statement.predicate
    trust = Trust.UNVERIFIED
    if seen.verified:
        trust = Trust.VERIFIED if seen.compared else Trust.GENUINE
    rollout = said.rollout
    wanted = asked(rollout, now)
    command = "" if wanted is None else approval_command(said, wanted.wave)
    return Release(
        version=plain(said.version, 60),
        digest=seen.statement.digest,
        sequence=said.sequence,
        state=rollout.state,
        trust=trust,
        signers=tuple(plain(one, 120) for one in seen.signers),
        expires=said.expires,
        runner=rollout.runner,
        leads=leader(rollout, now) is not None,
        led=_led(rollout, now),
        asked="" if wanted is None else _asked(wanted, command, now),
        asks=wanted,
        command=command,
    )


def _led(rollout: Rollout, now: datetime) -> str:
    """What `tidegate rollout run` left in the statement, in words. Who stops a release ends its run."""
    runner = rollout.runner
    if runner is None or (rollout.state is not RolloutState.ACTIVE and runner.because is None):
        return ""
    run = f"the run {plain(runner.id, 60)}"
    if leader(rollout, now) is not None:
        return f"{run} leads it, at wave {runner.wave}"
    ended = how_it_ended(rollout)
    if ended is None:
        return f"{run} came to wave {runner.wave}; no run leads it now"
    return f"{run} has ended: {plain(ended, 160)}"


def _asked(wanted: Asked, command: str, now: datetime) -> str:
    return f"waits for approval of wave {wanted.wave} since {clock(wanted.since, now)}: {command}"


def wave_lines(progress: Progress, silent: Sequence[Host], now: datetime) -> tuple[WaveLine, ...]:
    """The waves in the statement's order, and at the end the hosts that are in none, if there are any."""
    counts: dict[str, dict[Phase, int]] = {}
    for (wave, phase), number in progress.counts.items():
        if number > 0:
            counts.setdefault(wave, {})[phase] = number
    quiet = Counter(place[0] for host in silent if (place := progress.place(host.name)) is not None)
    rollout = progress.statement.predicate.rollout
    waves = rollout.waves
    lines = [
        WaveLine(
            name=wave.name,
            share=_share(whole),
            open=wave.is_open(now),
            how=_how(rollout, wave, now),
            opens_at=None if wave.is_open(now) else wave.opens_at,
            fraction=wave.fraction,
            whole=whole.fraction,
            counts=counts.get(wave.name, {}),
            silent=quiet[wave.name],
        )
        for wave, whole in zip(waves, in_full(rollout).waves, strict=True)
    ]
    if NO_WAVE in counts or not waves:
        rest = counts.get(NO_WAVE, {})
        share, how, fraction = ("", "closed", None) if waves else ("all hosts", "open", 1.0)
        lines.append(WaveLine(NO_WAVE, share, not waves, how, None, fraction, fraction, rest, quiet[NO_WAVE]))
    return tuple(lines)


def remaining(release: Release, waves: Sequence[WaveLine]) -> int:
    """How many hosts may start, or have, and have not ended."""
    if release.state is not RolloutState.ACTIVE:
        return 0
    started = [wave.counts for wave in waves if wave.open]
    return sum(number for counts in started for phase, number in counts.items() if not phase.final)


def filled(
    picture: Picture,
    progress: Progress,
    waves: tuple[WaveLine, ...],
    silent: Sequence[Host],
    speed: Speed | None,
) -> Picture:
    """The picture with what is known of the release."""
    totals: Counter[Phase] = Counter()
    for wave in waves:
        totals.update(wave.counts)
    return replace(
        picture,
        waves=waves,
        totals=dict(totals),
        speed=speed,
        failures=_failures(progress),
        silent=tuple(_silent(progress, host) for host in silent[:_SILENT_SHOWN]),
        silent_hosts=len(silent),
    )


def _how(rollout: Rollout, wave: Wave, now: datetime) -> str:
    if wave.is_open(now) or wave.opens_at is None:
        return how_far(rollout, wave, now)
    return f"opens {distance(wave.opens_at, now)}"


def _share(wave: Wave) -> str:
    share = "all hosts" if wave.fraction == 1 else f"first {wave.fraction * 100:.4g} %"
    return plain("".join([share, *(f", {key}={value}" for key, value in sorted(wave.labels.items()))]), 80)


def _failures(progress: Progress) -> tuple[FailureLine, ...]:
    lines = [
        FailureLine(code, len(failures.hosts), failures.newest, plain(failures.reason))
        for code, failures in progress.failures.items()
        if failures.hosts
    ]
    return tuple(sorted(lines, key=lambda line: (-line.hosts, line.name)))[:_FAILURES_SHOWN]


def _silent(progress: Progress, host: Host) -> SilentHost:
    standing = progress.standing(host)
    assert standing is not None  # noqa: S101 -- for the type checker: it began to activate
    return SilentHost(host.name, standing.step, standing.since, host.heard)
