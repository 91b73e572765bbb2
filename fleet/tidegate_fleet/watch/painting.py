"""From the counts of a release to the lines of a picture. PURE."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.pace import Speed
from tidegate_fleet.watch.picture import FailureLine, Gate, Release, SilentHost, Trust, WaveLine
from tidegate_fleet.watch.plain import plain
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Host
    from tidegate_fleet.progress import Progress
    from tidegate_fleet.watch.picture import Picture
    from tidegate_schemas.rollout import Runner, Wave

__all__ = ["FINAL", "OPEN", "Speed", "filled", "gate_of", "release", "wave_lines"]

FINAL: Final = tuple(phase for phase in Phase if phase.final)
OPEN: Final = Gate.OPEN
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
    return Release(
        version=plain(said.version, 60),
        digest=seen.statement.digest,
        sequence=said.sequence,
        state=said.rollout.state,
        trust=trust,
        signers=tuple(plain(one, 120) for one in seen.signers),
        expires=said.expires,
        claim="" if said.rollout.runner is None else _claim(said.rollout.runner, now),
    )


def _claim(runner: Runner, now: datetime) -> str:
    """What `tidegate rollout run` left in the statement, in words."""
    where = f"run {plain(runner.id, 60)}, at wave {runner.wave}"
    if runner.claims(now) and runner.until is not None:
        return f"{where}, leads it until {rfc3339(runner.until)}"
    if runner.ended is not None:
        return f"{where}, has ended: {plain(runner.ended, 60)}"
    return f"{where}, led it; nobody claims it now"


def gate_of(wave: Wave, now: datetime) -> Gate:
    """Whether a wave's hosts may start."""
    if wave.open or (wave.opens_at is not None and wave.opens_at <= now):
        return Gate.OPEN
    return Gate.LATER if wave.opens_at is not None else Gate.CLOSED


def wave_lines(progress: Progress, silent: Sequence[Host], now: datetime) -> tuple[WaveLine, ...]:
    """The waves in the statement's order, and at the end the hosts that are in none, if there are any."""
    counts: dict[str, dict[Phase, int]] = {}
    for (wave, phase), number in progress.counts.items():
        if number > 0:
            counts.setdefault(wave, {})[phase] = number
    quiet = Counter(place[0] for host in silent if (place := progress.place(host.name)) is not None)
    waves = progress.statement.predicate.rollout.waves
    lines = [
        WaveLine(
            name=wave.name,
            share=_share(wave),
            gate=gate_of(wave, now),
            opens_at=wave.opens_at,
            counts=counts.get(wave.name, {}),
            silent=quiet[wave.name],
        )
        for wave in waves
    ]
    if NO_WAVE in counts or not waves:
        gate = Gate.CLOSED if waves else Gate.OPEN
        rest = counts.get(NO_WAVE, {})
        lines.append(WaveLine(NO_WAVE, "" if waves else "all hosts", gate, None, rest, quiet[NO_WAVE]))
    return tuple(lines)


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
