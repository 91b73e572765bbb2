"""Where a rollout stands, as `tidegate rollout status` tells it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tidegate_fleet.leading import asked, how_far, how_it_ended, in_full, leader
from tidegate_publisher.durations import format_duration, format_moment
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.plan import Plan, PlannedWave
from tidegate_publisher.rollout.story import failures_document, figures_document
from tidegate_publisher.rollout.thresholds import resolve
from tidegate_schemas.base import rfc3339
from tidegate_schemas.gates import Gate
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.rollout.figures import Figures
    from tidegate_publisher.rollout.ports import View
    from tidegate_publisher.rollout.prompts import Prompts
    from tidegate_schemas.rollout import Rollout, Wave
    from tidegate_schemas.statement import ChannelStatement

_ALL: Final = "everybody"


def plan_of(statement: ChannelStatement) -> Plan:
    """A plan with the waves of a statement, to count hosts by: those that wait for a budget are in theirs."""
    said = statement.predicate
    rollout = in_full(said.rollout)
    gate = resolve(Gate(), Gate())
    waves = tuple(
        PlannedWave(one.name, one.fraction, one.labels, one.opens_at, gate) for one in rollout.waves
    )
    everybody = PlannedWave(_ALL, 1.0, {}, None, gate)
    return Plan(said.product, said.channel, waves or (everybody,), None, max(0, len(waves) - 1), "", "")


def status_document(view: View, statement: ChannelStatement, prompts: Prompts) -> dict[str, Any]:
    """For a machine."""
    said = statement.predicate
    rollout, runner = said.rollout, said.rollout.runner
    wanted = asked(rollout, view.now)
    return {
        "product": said.product,
        "channel": said.channel,
        "version": said.version,
        "digest": statement.digest,
        "sequence": said.sequence,
        "state": rollout.state.value,
        "runner": None if runner is None else runner.model_dump(mode="json", exclude_none=True),
        "led": leader(rollout, view.now) is not None,
        "approval": None
        if wanted is None
        else {
            "wave": wanted.wave,
            "since": rfc3339(wanted.since),
            "command": prompts.approve(wanted.wave, said.sequence),
        },
        "waves": [
            {**_wave_document(wave, whole, view.now), **figures_document(view.figures[wave.name])}
            for wave, whole in zip(rollout.waves, in_full(rollout).waves, strict=True)
        ]
        or [{"name": _ALL, "open": True, "fraction": 1.0, **figures_document(view.figures[_ALL])}],
        "outside": view.outside,
        "failures": failures_document(view),
    }


def status_rows(view: View, statement: ChannelStatement, prompts: Prompts) -> list[tuple[str, str]]:
    """For a person."""
    said = statement.predicate
    rollout = said.rollout
    rows = [
        ("channel", f"{said.product}/{said.channel}"),
        ("sequence", str(said.sequence)),
        ("version", said.version),
        ("state", rollout.state.value),
        ("led by", _led_by(rollout, view.now)),
    ]
    wanted = asked(rollout, view.now)
    if wanted is not None:
        since, command = format_moment(wanted.since), prompts.approve(wanted.wave, said.sequence)
        rows.append(("asked for", f"approval of wave {wanted.wave}, since {since}:\n{command}"))
    if rollout.state is RolloutState.HELD:
        rows.append(("to go on", prompts.resume(said.sequence)))
    rows += [
        (f"wave {wave.name}", f"{_how_open(rollout, wave, view)}: {_words(view.figures[wave.name])}")
        for wave in rollout.waves
    ] or [("all hosts", _words(view.figures[_ALL]))]
    if view.outside:
        rows.append(("in no wave", f"{view.outside} hosts"))
    rows += [
        ("failed", f"{found['hosts']} x {code}: {found['reason']}")
        for code, found in failures_document(view).items()
    ]
    return rows


def _led_by(rollout: Rollout, now: datetime) -> str:
    runner = rollout.runner
    if runner is None:
        return "nobody"
    waits = f"wave {runner.wave}" + (
        f", open for {format_duration(now - runner.opened_at)}" if runner.opened_at else ""
    )
    if leader(rollout, now) is not None and runner.until is not None:
        until = format_moment(runner.until)
        return (
            f"the run {runner.id}, until {until} at least; {_waits(rollout, now) or f'it waits for {waits}'}"
        )
    ended = how_it_ended(rollout)
    return f"nobody; the run {runner.id} " + (f"has ended: {ended}" if ended else f"came to {waits}")


def _waits(rollout: Rollout, now: datetime) -> str:
    wanted = asked(rollout, now)
    return "" if wanted is None else f"it waits for approval of wave {wanted.wave}"


def _wave_document(wave: Wave, whole: Wave, now: datetime) -> dict[str, Any]:
    found = {"name": wave.name, "open": is_open(wave, now), "fraction": wave.fraction}
    return found if whole == wave else {**found, "whole": whole.fraction}


def _how_open(rollout: Rollout, wave: Wave, view: View) -> str:
    queued = view.figures[wave.name].queued
    waits = f" ({queued} wait for the budget)" if queued else ""
    return f"{how_far(rollout, wave, view.now)}{waits}"


def _words(seen: Figures) -> str:
    told = (
        (seen.succeeded, "succeeded"),
        (seen.failed, "failed"),
        (seen.activating, "activating"),
        (seen.waiting, "waiting"),
        (seen.skipped, "skipped"),
        (seen.absent, "offline"),
    )
    return f"{seen.known} hosts; " + (", ".join(f"{count} {what}" for count, what in told if count) or "none")
