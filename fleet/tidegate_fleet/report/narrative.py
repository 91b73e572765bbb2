"""What the figures say, in the words that page and summary share. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.report.phrases import amount, moment, number, share
from tidegate_fleet.standing import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_fleet.report.figures import Figures, ReleaseFigures

_UNDER_WAY: Final = (Phase.STAGING, Phase.ACTIVATING)
_NOT_BEGUN: Final = (Phase.WAITING, Phase.PENDING)
_STATES: Final = {"active": "spreading", "held": "held", "revoked": "revoked"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that stands at the head: what it is, its value, and what it is a part of."""

    label: str
    value: str
    note: str = ""


def under_way(figures: Figures) -> int:
    """Hosts that have begun and are not through."""
    return _in(figures, _UNDER_WAY)


def state(figures: Figures) -> str:
    """How it stands with the release, in a word; `unknown` when no statement was heard."""
    if figures.state is None:
        return "unknown"
    if figures.replaced and figures.state != "revoked":
        return "replaced"
    through = not _in(figures, (*_UNDER_WAY, *_NOT_BEGUN))
    return "complete" if through and figures.state == "active" else _STATES[figures.state]


def _in(figures: Figures, phases: Iterable[Phase]) -> int:
    return sum(figures.phases.get(phase, 0) for phase in phases)


def headline(figures: Figures) -> str:
    """The release in a sentence or two."""
    release = figures.release
    told = f"{number(release.succeeded)} of {number(release.hosts)} hosts succeeded"
    told += f" ({share(release.succeeded, release.hosts)})"
    if release.failure_share is not None:
        told += (
            f"; {number(release.failed)} failed, {share(release.failed, release.failed + release.succeeded)}"
        )
        told += " of those that came to an end"
    if release.success is not None:
        told += f". Half of the successes came within {amount(release.success.median)}"
        told += f", nine of ten within {amount(release.success.q90)}"
    return f"{told}."


def facts(figures: Figures) -> tuple[Fact, ...]:
    """The figures at the head of the page."""
    release, phases = figures.release, figures.phases
    ended = release.succeeded + release.failed
    waiting, pending = phases.get(Phase.WAITING, 0), phases.get(Phase.PENDING, 0)
    skipped = phases.get(Phase.SKIPPED, 0)
    found = [
        Fact("Hosts", number(release.hosts), "that it is meant for"),
        Fact("Succeeded", number(release.succeeded), f"{share(release.succeeded, release.hosts)} of all"),
        Fact("Failed", number(release.failed), f"{share(release.failed, ended)} of all ends"),
        Fact(
            "Under way", number(under_way(figures)), f"{number(waiting)} waiting, {number(pending)} pending"
        ),
    ]
    if skipped:
        found.append(Fact("Skipped", number(skipped), "for another release, or cancelled"))
    if release.success is not None:
        found.append(Fact("Median", amount(release.success.median), "to success"))
        found.append(Fact("90 %", amount(release.success.q90), "succeeded within"))
    return tuple(found)


def milestones(figures: Figures) -> tuple[tuple[str, int, str, str], ...]:
    """When shares of the successes were there: share, hosts, time since the beginning, moment."""
    release = figures.release
    if release.success is None:
        return ()
    rows = (
        ("the first", 1, release.success.least),
        *(
            (f"{part} %", -(-release.success.count * part // 100), seconds)
            for part, seconds in (
                (25, release.success.q25),
                (50, release.success.median),
                (75, release.success.q75),
                (90, release.success.q90),
                (99, release.success.q99),
            )
        ),
        ("all", release.success.count, release.success.most),
    )
    return tuple(
        (what, hosts, amount(seconds), moment(release.first + timedelta(seconds=seconds)))
        for what, hosts, seconds in rows
    )


def comparison(figures: Figures) -> tuple[tuple[str, str, str, str], ...]:
    """This release beside the one before: what, this one, that one, the difference."""
    if figures.before is None:
        return ()
    return tuple(
        (what, this, that, difference)
        for (what, this, now), (_, that, then) in zip(
            _rows(figures.release), _rows(figures.before), strict=True
        )
        for difference in (_difference(what, now, then),)
    )


def _rows(release: ReleaseFigures) -> tuple[tuple[str, str, float | None], ...]:
    success, failed = release.success, release.failure_share
    percent = None if failed is None else failed * 100
    spans = (
        ("Half of the successes within", None if success is None else success.median),
        ("Nine of ten within", None if success is None else success.q90),
        ("The last within", None if success is None else success.most),
    )
    return (
        ("Hosts", number(release.hosts), float(release.hosts)),
        ("Succeeded", number(release.succeeded), float(release.succeeded)),
        ("Failed, of those that ended", share(release.failed, release.failed + release.succeeded), percent),
        *((what, "none yet" if each is None else amount(each), each) for what, each in spans),
    )


def _difference(what: str, now: float | None, then: float | None) -> str:
    if now is None or then is None:
        return ""
    change = now - then
    sign = "+" if change > 0 else "\N{MINUS SIGN}" if change < 0 else "±"
    if what.startswith("Failed"):
        return f"{sign}{abs(change):.1f} points"
    return f"{sign}{number(abs(change)) if what in {'Hosts', 'Succeeded'} else amount(abs(change))}"


def basis(figures: Figures) -> tuple[str, ...]:
    """What the figures rest on, in sentences: nothing of it shall look surer than it is."""
    evidence, timeline = figures.evidence, figures.timeline
    told = [
        f"{number(evidence.events)} events of {number(evidence.passages)} hosts were collected. "
        + _verified(evidence.verified, evidence.events),
    ]
    if evidence.by_status:
        told.append(
            f"{number(evidence.by_status)} of the hosts are known by their status alone; none is signed."
        )
    told.append(_statements(timeline.statements, timeline.verified))
    told.append(
        "Moments are by the collector's clock: when an event arrived, not when its host says it happened; "
        "a host that was offline counts from when it was heard again."
    )
    told.append(
        "How long a step took is the host's own account; it is left out where it does not fit into the time "
        "that the collector saw pass."
    )
    if figures.anonymous:
        told.append("Names of hosts are made up for this report, and their own words are left out.")
    return tuple(told)


def _verified(verified: int, events: int) -> str:
    if not events:
        return "Nothing rests on an event."
    if not verified:
        return (
            "None of them was verified by a device key: they are as true as whoever may write to the broker."
        )
    part = share(verified, events)
    rest = "" if verified == events else " The others are as true as whoever may write to the broker."
    return f"{number(verified)} ({part}) were signed by a device key of their host, and verified.{rest}"


def _statements(statements: int, verified: int) -> str:
    if not statements:
        return "No statement about the release was heard: when waves opened is not known."
    if verified == statements:
        return f"All {number(statements)} statements of the publisher were verified against a policy."
    if not verified:
        return (
            f"None of the {number(statements)} statements of the publisher was verified: taken at their word."
        )
    part = f"{number(verified)} of the {number(statements)}"
    return f"{part} statements of the publisher were verified against a policy."
