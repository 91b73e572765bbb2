"""What a run would do: which known hosts fall in which wave, and what may go wrong with the plan. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tidegate_publisher.durations import format_duration
from tidegate_publisher.rollout.figures import Figures
from tidegate_publisher.rollout.plan import PlannedWave
from tidegate_publisher.rollout.terms import budget_document, budget_words, gate_document, gate_lines
from tidegate_publisher.rollout.thresholds import MILLION
from tidegate_schemas.base import rfc3339
from tidegate_schemas.gates import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.tally import Tally

_SHOWN = 20
"""Groups of one budget that are listed."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan over the hosts that are known.

    Attributes:
        waves: each with its hosts.
        budgets: each with its groups: the label's value, its hosts, and how many of them at a time.
        outside: hosts that no wave takes in.
        earliest: when the run can be through, if every host succeeded at once.
        warnings: what may go wrong, a sentence each.
    """

    waves: tuple[tuple[PlannedWave, Figures, tuple[str, ...]], ...]
    budgets: tuple[tuple[Budget, tuple[tuple[str, int, int], ...]], ...]
    outside: tuple[str, ...]
    earliest: datetime
    warnings: tuple[str, ...]

    def document(self, *, hosts: bool) -> dict[str, Any]:
        """For a machine; with `hosts` their names, too."""
        return {
            "waves": [_wave_document(one, hosts=hosts) for one in self.waves],
            "budgets": [
                {
                    **budget_document(budget),
                    "groups": [
                        {"group": group, "hosts": size, "atATime": most} for group, size, most in groups
                    ],
                }
                for budget, groups in self.budgets
            ],
            "outside": list(self.outside) if hosts else len(self.outside),
            "earliest": rfc3339(self.earliest),
            "warnings": list(self.warnings),
        }

    def rows(self, now: datetime, *, hosts: bool) -> list[tuple[str, str]]:
        """For a person."""
        rows = [(wave.name, _wave_words(wave, seen, names, hosts=hosts)) for wave, seen, names in self.waves]
        rows += [("budget", _budget_rows(budget, groups)) for budget, groups in self.budgets]
        if self.outside:
            rows.append(
                ("in no wave", "\n".join([f"{len(self.outside)} hosts", *_names(self.outside, hosts)]))
            )
        rows.append(("earliest end", f"{rfc3339(self.earliest)} (in {format_duration(self.earliest - now)})"))
        return rows


def preview(plan: Plan, tally: Tally, now: datetime) -> Preview:
    """Look at what is known through a plan."""
    waves = tuple(
        (wave, tally.figures(wave, now), tuple(sorted(tally.members(wave.name)))) for wave in plan.waves
    )
    outside = tuple(sorted(tally.members("")))
    sizes = sorted(tally.groups.size.items())
    budgets = tuple(
        (
            budget,
            tuple(
                (group, size, tally.groups.limit((place, group)))
                for (place, group), size in sizes
                if place == number and size
            ),
        )
        for number, budget in enumerate(plan.budgets)
    )
    warnings = [*_order(plan), *(words for wave, seen, _ in waves for words in _doubts(wave, seen))]
    warnings += [f"{len(outside)} hosts are in no wave and never get the release"] if outside else []
    earliest = _earliest(plan, tally, now).replace(microsecond=0)
    return Preview(waves, budgets, outside, earliest, tuple(warnings))


def _earliest(plan: Plan, tally: Tally, now: datetime) -> datetime:
    moment = now
    for wave in plan.waves[: plan.until + 1]:
        if wave.opens_at is not None:
            moment = max(moment, wave.opens_at)
        moment += wave.gate.soak + wave.gate.widen_every * _steps(wave, tally, now)
    return moment


def _steps(wave: PlannedWave, tally: Tally, now: datetime) -> int:
    """How often a wave has to be widened at least."""
    hosts = tally.figures(wave, now).known
    most = [
        sum(tally.groups.limit(group) for group in tally.groups.size if group[0] == number)
        for number in tally.groups.numbers(wave.gate.budget)
    ]
    return max((-(-hosts // one) - 1 for one in most if one), default=0)


def _order(plan: Plan) -> list[str]:
    found = []
    for number, later in enumerate(plan.waves):
        for earlier in plan.waves[:number]:
            wider = earlier.fraction >= later.fraction
            if wider and all(later.labels.get(key) == value for key, value in earlier.labels.items()):
                found.append(f"wave {later.name} adds nobody: wave {earlier.name} has taken in all of it")
                break
    return found


def _doubts(wave: PlannedWave, seen: Figures) -> list[str]:
    gate, found = wave.gate, []
    counted = seen.counted(gate)
    if not seen.known:
        passes = (
            "it is passed" if gate.minimum_hosts == 0 else "its gate is never met (minimum_hosts: 0 passes)"
        )
        found.append(f"wave {wave.name} takes in no known host; {passes}")
    elif gate.minimum_hosts > seen.known:
        found.append(f"wave {wave.name} has {seen.known} known hosts, and needs {gate.minimum_hosts}")
    elif counted == 0:
        found.append(f"wave {wave.name}: all of its {seen.known} hosts are offline")
    dead = _neither(wave, counted)
    found += [dead] if dead else []
    for name in ("failures", "silence", "dropouts"):
        limit = getattr(gate, name)
        told = dead and name == "failures"
        if (
            not told
            and seen.known
            and limit.share < MILLION
            and limit.count is None
            and limit.minimum > seen.known
        ):
            found.append(
                f"wave {wave.name} has {seen.known} known hosts, and {name} count from {limit.minimum} on: "
                f"it is never stopped by {name}, only by its timeout ({name}.count says how many are too "
                "many)"
            )
        if gate.soak < limit.after:
            found.append(
                f"wave {wave.name} soaks for {format_duration(gate.soak)}, and {name} count after "
                f"{format_duration(limit.after)}: the next wave may be opened before"
            )
    if gate.timeout <= gate.soak:
        found.append(f"wave {wave.name} soaks for longer than its timeout")
    return found


def _neither(wave: PlannedWave, counted: int) -> str | None:
    """How few failures keep a wave from passing and stop nothing; None where there are none such."""
    needed = max(wave.gate.minimum_hosts, -(-counted * wave.gate.success // MILLION))
    failures = counted - needed + 1
    if needed > counted or failures > counted or wave.gate.failures.passed(failures, counted):
        return None
    many = "one failure is one too many" if failures == 1 else f"{failures} failures are one too many"
    return (
        f"wave {wave.name}: {needed} of its {counted} hosts have to succeed, so {many}, and stops nothing: "
        f"the wave would wait for its timeout (failures.count: {failures} stops it)"
    )


def _wave_words(wave: PlannedWave, seen: Figures, names: tuple[str, ...], *, hosts: bool) -> str:
    share = f"{wave.fraction * 100:.4g} %"
    labels = "".join(f", {key}={value}" for key, value in wave.labels.items())
    lines = [
        f"{share}{labels}: {seen.known} known hosts, {seen.absent} of them offline",
        *([f"opens {rfc3339(wave.opens_at)} at the earliest"] if wave.opens_at else []),
        *gate_lines(wave.gate),
        *_names(names, hosts),
    ]
    return "\n".join(lines)


def _budget_rows(budget: Budget, groups: tuple[tuple[str, int, int], ...]) -> str:
    lines = [budget_words(budget)]
    lines += [
        f"  {group or ('without the label' if budget.by else 'all')}: {size} hosts, {most} at a time"
        for group, size, most in groups[:_SHOWN]
    ]
    lines += [f"  and {len(groups) - _SHOWN} groups more"] if len(groups) > _SHOWN else []
    return "\n".join(lines if groups else [*lines, "  no known host"])


def _names(names: Sequence[str], wanted: bool) -> list[str]:  # noqa: FBT001 -- private, and its name is said at each call
    return [f"  {name}" for name in names] if wanted else []


def _wave_document(one: tuple[PlannedWave, Figures, tuple[str, ...]], *, hosts: bool) -> Mapping[str, Any]:
    wave, seen, names = one
    found: dict[str, Any] = {
        "name": wave.name,
        "fraction": wave.fraction,
        "labels": dict(wave.labels),
        "opensAt": rfc3339(wave.opens_at) if wave.opens_at else None,
        "known": seen.known,
        "offline": seen.absent,
        "gate": gate_document(wave.gate),
    }
    return {**found, "hosts": list(names)} if hosts else found
