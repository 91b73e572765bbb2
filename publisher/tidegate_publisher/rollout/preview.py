"""What a run would do: which known hosts fall in which wave, and what may go wrong with the plan. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tidegate_publisher.durations import format_duration
from tidegate_publisher.rollout.figures import Figures, percent
from tidegate_publisher.rollout.plan import MILLION, PlannedWave
from tidegate_schemas.base import rfc3339
from tidegate_schemas.gates import share_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.tally import Tally

_SHOWN = 20
"""Label groups of one budget that are listed."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan over the hosts that are known.

    Attributes:
        waves: each with its hosts.
        groups: a budget in words, a group of it, its hosts, and how many of them at a time.
        outside: hosts that no wave takes in.
        earliest: when the run can be through, if every host succeeded at once.
        warnings: what may go wrong, a sentence each.
    """

    waves: tuple[tuple[PlannedWave, Figures, tuple[str, ...]], ...]
    groups: tuple[tuple[str, str, int, int], ...]
    outside: tuple[str, ...]
    earliest: datetime
    warnings: tuple[str, ...]

    def document(self, *, hosts: bool) -> dict[str, Any]:
        """For a machine; with `hosts` their names, too."""
        return {
            "waves": [_wave_document(one, hosts=hosts) for one in self.waves],
            "groups": [
                {"budget": budget, "group": group, "hosts": size, "atMost": most}
                for budget, group, size, most in self.groups
            ],
            "outside": list(self.outside) if hosts else len(self.outside),
            "earliest": rfc3339(self.earliest),
            "warnings": list(self.warnings),
        }

    def rows(self, now: datetime, *, hosts: bool) -> list[tuple[str, str]]:
        """For a person."""
        rows = [(wave.name, _wave_words(wave, seen, names, hosts=hosts)) for wave, seen, names in self.waves]
        rows += [
            ("budget", f"{budget}{f' ({group})' if group else ''}: {size} hosts, {most} at a time")
            for budget, group, size, most in self.groups[:_SHOWN]
        ]
        if len(self.groups) > _SHOWN:
            rows.append(("budget", f"and {len(self.groups) - _SHOWN} groups more"))
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
    groups = tuple(
        (_budget_words(plan, number), group, size, tally.groups.limit((number, group)))
        for (number, group), size in sizes
        if size
    )
    warnings = [*_order(plan), *(words for wave, seen, _ in waves for words in _doubts(wave, seen))]
    warnings += [f"{len(outside)} hosts are in no wave and never get the release"] if outside else []
    return Preview(waves, groups, outside, _earliest(plan, tally, now), tuple(warnings))


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
    for name in ("failures", "silence", "dropouts"):
        limit = getattr(gate, name)
        if seen.known and limit.share < MILLION and limit.count is None and limit.minimum > seen.known:
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


def _wave_words(wave: PlannedWave, seen: Figures, names: tuple[str, ...], *, hosts: bool) -> str:
    gate = wave.gate
    share = f"{wave.fraction * 100:.4g} %"
    labels = "".join(f", {key}={value}" for key, value in wave.labels.items())
    lines = [
        f"{share}{labels}: {seen.known} known hosts, {seen.absent} of them offline",
        f"opens {rfc3339(wave.opens_at)} at the earliest" if wave.opens_at else "",
        "needs an approval" if gate.approval else "",
        f"done with {percent(gate.success)}, at least {gate.minimum_hosts}",
        f"soaks {format_duration(gate.soak)}",
        f"takes {format_duration(gate.timeout)} at most, then {gate.on_timeout}",
        *_names(names, hosts),
    ]
    return "\n".join(line for line in lines if line)


def _names(names: Sequence[str], wanted: bool) -> list[str]:  # noqa: FBT001 -- private, and its name is said at each call
    return [f"  {name}" for name in names] if wanted else []


def _wave_document(one: tuple[PlannedWave, Figures, tuple[str, ...]], *, hosts: bool) -> Mapping[str, Any]:
    wave, seen, names = one
    found: dict[str, Any] = {
        "name": wave.name,
        "fraction": wave.fraction,
        "labels": dict(wave.labels),
        "opensAt": rfc3339(wave.opens_at) if wave.opens_at else None,
        "approval": wave.gate.approval,
        "known": seen.known,
        "offline": seen.absent,
        "soakSeconds": wave.gate.soak / timedelta(seconds=1),
    }
    return {**found, "hosts": list(names)} if hosts else found


def _budget_words(plan: Plan, number: int) -> str:
    budget = plan.budgets[number]
    which = ", ".join(f"{key}={value}" for key, value in budget.labels.items()) or "all hosts"
    by = f" by {budget.by}" if budget.by else ""
    most = budget.at_most if isinstance(budget.at_most, str) else f"{share_of(budget.at_most, 0)} hosts"
    return f"{which}{by}: at most {most}"
