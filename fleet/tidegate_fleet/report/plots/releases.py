"""The last releases side by side: time until half and nine tenths had succeeded, and what share failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.report.phrases import amount, share
from tidegate_fleet.report.plots.canvas import Caption, Role, Size, draw
from tidegate_fleet.report.plots.scales import time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tidegate_fleet.report.figures import ReleaseFigures
    from tidegate_fleet.report.overview import Overview

_ROW: Final = 26
_FRAME: Final = 44
_BAR: Final = 0.5
_LABEL: Final = 14


def lead_times(overview: Overview) -> str:
    """Bars from the beginning to the median, lighter to nine tenths, a line to the last success."""
    told = "; ".join(
        f"{release.version}: half within {amount(release.success.median)}"
        for release in overview.releases
        if release.success is not None
    )
    caption = Caption("Time to success by release", told or "No host has succeeded yet.")
    return draw("times", _sizes(overview), caption, lambda axes, size: _paint_times(axes, overview, size))


def failure_shares(overview: Overview) -> str:
    """A bar for the share of failures of each release."""
    told = "; ".join(
        f"{release.version}: {share(release.failed, release.failed + release.succeeded)}"
        for release in overview.releases
    )
    caption = Caption("Share of failures by release", told)
    return draw("shares", _sizes(overview), caption, lambda axes, _: _paint_shares(axes, overview))


def _sizes(overview: Overview) -> tuple[Size, ...]:
    height = _FRAME + _ROW * len(overview.releases)
    return Size("wide", 780, height), Size("narrow", 390, height)


def _rows(axes: Axes, releases: tuple[ReleaseFigures, ...]) -> None:
    axes.set_ylim(len(releases) - 0.5, -0.5)
    names = [release.version or release.key.digest[7:15] for release in releases]
    axes.set_yticks(
        range(len(names)), [name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…" for name in names]
    )
    axes.tick_params(axis="y", labelcolor=Role.INK)


def _paint_times(axes: Axes, overview: Overview, size: Size) -> None:
    most = max((release.success.most for release in overview.releases if release.success), default=0.0)
    end = max(most * 1.03, 10.0)
    for row, release in enumerate(overview.releases):
        if release.success is None:
            continue
        median, tail = release.success.median, release.success.q90
        axes.plot([tail, release.success.most], [row, row], color=Role.MUTED, linewidth=1.2)
        axes.barh(row, tail - median, left=median, height=_BAR, color=Role.GOOD, alpha=0.35, linewidth=0)
        axes.barh(row, median, height=_BAR, color=Role.GOOD, linewidth=0)
    _rows(axes, overview.releases)
    time_axis(axes, end, size)


def _paint_shares(axes: Axes, overview: Overview) -> None:
    percents = [100 * (release.failure_share or 0.0) for release in overview.releases]
    axes.barh(range(len(percents)), percents, height=_BAR, color=Role.BAD, linewidth=0)
    axes.set_xlim(0, max(*percents, 0.5) * 1.08 if percents else 1.0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.grid(visible=True, axis="x", color=Role.GRID, linewidth=0.6)
    _rows(axes, overview.releases)
