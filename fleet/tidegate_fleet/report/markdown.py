"""A report's summary in Markdown (GitHub's and GitLab's), for a release's notes or a job's own page. PURE.

What comes from outside stands in code spans: no markup, link, mention or reference in it counts there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_fleet.harmless import harmless
from tidegate_fleet.report.narrative import basis, comparison, headline, state
from tidegate_fleet.report.phrases import amount, awaited, moment, number, plain_spaces, share, wave_name
from tidegate_fleet.standing import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_fleet.report.figures import Figures, ReleaseFigures
    from tidegate_fleet.report.overview import Overview


def summary(figures: Figures, title: str | None = None) -> str:
    """The summary: a headline, waves, failures, waits, the release before, and what it rests on."""
    release = figures.release
    name = title or f"{release.key.product}/{release.key.channel} {release.version}"
    sections = [
        [f"## {code(name)}: {state(figures)}", "", headline(figures)],
        _waves(figures),
        _failures(figures),
        _delays(figures),
        _before(figures),
        [f"<sub>{' '.join(basis(figures))}</sub>"],
    ]
    return plain_spaces("\n\n".join("\n".join(lines) for lines in sections if lines)) + "\n"


def overview_summary(overview: Overview, title: str | None = None) -> str:
    """The last releases as a table, the newest first."""
    name = title or f"{overview.product}/{overview.channel}"
    head = ("Release", "First heard of", "Hosts", "Succeeded", "Failed", "Share", "Median", "90 %")
    table = _table(head, (_release(release) for release in overview.releases))
    return plain_spaces("\n".join([f"## {code(name)}: the last releases", "", *table])) + "\n"


def _release(release: ReleaseFigures) -> Sequence[str]:
    return (
        code(release.version or release.key.digest[:19]),
        f"{moment(release.first)} UTC",
        number(release.hosts),
        number(release.succeeded),
        number(release.failed),
        share(release.failed, release.failed + release.succeeded),
        "" if release.success is None else amount(release.success.median),
        "" if release.success is None else amount(release.success.q90),
    )


def code(text: str) -> str:
    """Text from outside as a code span that stays one, also in a table (GFM 4.10, 6.1)."""
    shown = harmless(text, 200).replace("`", "'").replace("|", "\N{BROKEN BAR}")
    return f"`{shown}`" if shown else ""


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    rule = "|".join([" --- ", *(" ---: " for _ in head[1:])])
    return [f"| {' | '.join(head)} |", f"|{rule}|", *body] if body else []


def _waves(figures: Figures) -> list[str]:
    return _table(
        ("Wave", "Opened after", "Hosts", "Succeeded", "Failed", "Median", "90 %"),
        (
            (
                code(wave_name(wave.name)),
                "not yet" if wave.opening is None else amount(wave.opening.at),
                number(wave.hosts),
                number(wave.phases.get(Phase.SUCCEEDED, 0)),
                number(wave.phases.get(Phase.FAILED, 0)),
                "" if wave.success is None else amount(wave.success.median),
                "" if wave.success is None else amount(wave.success.q90),
            )
            for wave in figures.waves
        ),
    )


def _failures(figures: Figures) -> list[str]:
    failed = figures.release.failed
    return _table(
        ("Failed with", "Hosts", "Share", "Newest reason"),
        (
            (code(one.code or "no code"), number(one.hosts), share(one.hosts, failed), code(one.reason))
            for one in figures.failed
        ),
    )


def _delays(figures: Figures) -> list[str]:
    return _table(
        ("Waited for", "Hosts", "Altogether", "Longest"),
        (
            (awaited(one.reason), number(one.hosts), amount(one.seconds), amount(one.longest))
            for one in figures.delays
        ),
    )


def _before(figures: Figures) -> list[str]:
    before = figures.before
    if before is None:
        return []
    return _table(
        ("Beside the release before", code(figures.release.version), code(before.version), "Difference"),
        iter(comparison(figures)),
    )
