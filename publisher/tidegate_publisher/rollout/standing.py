"""Where a rollout stands, as `tidegate rollout status` tells it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.durations import format_duration
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.plan import Plan, PlannedWave, resolve
from tidegate_publisher.rollout.story import failures_document, figures_document
from tidegate_schemas.base import rfc3339
from tidegate_schemas.gates import Gate

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.rollout.figures import Figures
    from tidegate_publisher.rollout.ports import View
    from tidegate_schemas.rollout import Runner, Wave
    from tidegate_schemas.statement import ChannelStatement

_ALL: Final = "everybody"


def plan_of(statement: ChannelStatement) -> Plan:
    """A plan with the waves of a statement as they are open now, to count hosts by."""
    said = statement.predicate
    gate = resolve(Gate(), Gate())
    waves = tuple(
        PlannedWave(one.name, one.fraction, one.labels, one.opens_at, gate) for one in said.rollout.waves
    )
    everybody = PlannedWave(_ALL, 1.0, {}, None, gate)
    return Plan(said.product, said.channel, waves or (everybody,), None, max(0, len(waves) - 1), "", "")


def status_document(view: View, statement: ChannelStatement) -> dict[str, Any]:
    """For a machine."""
    said = statement.predicate
    runner = said.rollout.runner
    return {
        "product": said.product,
        "channel": said.channel,
        "version": said.version,
        "digest": statement.digest,
        "sequence": said.sequence,
        "state": said.rollout.state.value,
        "runner": None if runner is None else runner.model_dump(mode="json", exclude_none=True),
        "led": runner is not None and runner.claims(view.now),
        "waves": [
            {**_wave_document(wave, view.now), **figures_document(view.figures[wave.name])}
            for wave in said.rollout.waves
        ]
        or [{"name": _ALL, "open": True, "fraction": 1.0, **figures_document(view.figures[_ALL])}],
        "outside": view.outside,
        "failures": failures_document(view),
    }


def status_rows(view: View, statement: ChannelStatement) -> list[tuple[str, str]]:
    """For a person."""
    said = statement.predicate
    rows = [
        ("channel", f"{said.product}/{said.channel}"),
        ("sequence", str(said.sequence)),
        ("version", said.version),
        ("state", said.rollout.state.value),
        ("led by", _led_by(said.rollout.runner, view.now)),
    ]
    rows += [
        (f"wave {wave.name}", f"{_how_open(wave, view.now)}: {_words(view.figures[wave.name])}")
        for wave in said.rollout.waves
    ] or [("all hosts", _words(view.figures[_ALL]))]
    if view.outside:
        rows.append(("in no wave", f"{view.outside} hosts"))
    rows += [
        ("failed", f"{found['hosts']} x {code}: {found['reason']}")
        for code, found in failures_document(view).items()
    ]
    return rows


def _led_by(runner: Runner | None, now: datetime) -> str:
    if runner is None:
        return "nobody"
    waits = f"wave {runner.wave}" + (
        f", open for {format_duration(now - runner.opened_at)}" if runner.opened_at else ""
    )
    if runner.until is not None and runner.claims(now):
        return f"the run {runner.id}, until {rfc3339(runner.until)} at least; it waits for {waits}"
    ended = f" ({runner.ended})" if runner.ended else ""
    return f"nobody; the run {runner.id} came to {waits}{ended}"


def _wave_document(wave: Wave, now: datetime) -> dict[str, Any]:
    return {"name": wave.name, "open": is_open(wave, now), "fraction": wave.fraction}


def _how_open(wave: Wave, now: datetime) -> str:
    if not is_open(wave, now):
        return "closed"
    return "open" if wave.fraction == 1 else f"open for {wave.fraction * 100:.4g} % of hosts"


def _words(seen: Figures) -> str:
    told = (
        (seen.succeeded, "succeeded"),
        (seen.failed, "failed"),
        (seen.activating, "activating"),
        (seen.waiting, "waiting"),
        (seen.skipped, "let it go"),
        (seen.absent, "offline"),
    )
    return f"{seen.known} hosts; " + (", ".join(f"{count} {what}" for count, what in told if count) or "none")
