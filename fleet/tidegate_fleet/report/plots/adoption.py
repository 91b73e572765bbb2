"""The curve of adoption: hosts that succeeded and failed over time, waves that opened, holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.report.phrases import amount, number, share
from tidegate_fleet.report.plots.canvas import Caption, Role, Size, draw
from tidegate_fleet.report.plots.scales import time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tidegate_fleet.report.figures import Figures
    from tidegate_fleet.report.spread import Curve

_FINE: Final = 400
SIZES: Final = (Size("wide", 780, 300), Size("narrow", 390, 300))


def adoption(figures: Figures) -> str:
    """The plot in both sizes."""
    caption = Caption("Hosts over time", _text(figures))
    return draw("adoption", SIZES, caption, lambda axes, size: _paint(axes, figures, size))


def span(figures: Figures) -> float:
    """Seconds that the plots show: until the last end of a host or the last change, with a little room."""
    ends = [0.0, *(wave.ended or 0.0 for wave in figures.waves)]
    ends += [change.at for change in figures.timeline.changes]
    return max(max(ends) * 1.04, 10.0)


def _text(figures: Figures) -> str:
    release = figures.release
    part = share(release.succeeded, release.hosts)
    told = f"{number(release.succeeded)} of {number(release.hosts)} hosts succeeded ({part})"
    if release.success is not None:
        half, all_of_it = amount(release.success.median), amount(release.success.most)
        told += f", half of these within {half} and all within {all_of_it}"
    return f"{told}; {number(release.failed)} failed. The table below has the moments."


def _paint(axes: Axes, figures: Figures, size: Size) -> None:
    end = span(figures)
    for begin, over in figures.timeline.held:
        axes.axvspan(begin, end if over is None else over, color=Role.BAND, linewidth=0)
        axes.text(begin, 0.02, " held", transform=axes.get_xaxis_transform(), color=Role.HELD, fontsize=9)
    _step(axes, figures.successes, end, Role.GOOD)
    axes.fill_between(
        *_outline(figures.successes, end), step="post", color=Role.GOOD, alpha=0.14, linewidth=0
    )
    _step(axes, figures.failures, end, Role.BAD)
    top = max(figures.successes.hosts, figures.failures.hosts, 1)
    axes.set_ylim(0, top * 1.06)
    axes.yaxis.set_major_formatter(lambda value, _: number(int(value)) if value == int(value) else "")
    axes.grid(visible=True, axis="y", color=Role.GRID, linewidth=0.6)
    time_axis(axes, end, size)
    axes.grid(visible=False, axis="x")
    _openings(axes, figures, end)


def _outline(curve: Curve, end: float) -> tuple[list[float], list[int]]:
    """The curve's corners, but for those that are too near to the one before to be seen."""
    near, low = end / _FINE, curve.hosts / _FINE
    kept = [(0.0, 0)]
    for moment, hosts in curve.points:
        if moment - kept[-1][0] >= near or hosts - kept[-1][1] >= low or hosts == curve.hosts:
            kept.append((moment, hosts))
    kept.append((end, curve.hosts))
    return [moment for moment, _ in kept], [hosts for _, hosts in kept]


def _step(axes: Axes, curve: Curve, end: float, role: Role) -> None:
    if curve.points:
        axes.step(*_outline(curve, end), where="post", color=role, linewidth=1.8)


def _openings(axes: Axes, figures: Figures, end: float) -> None:
    """A line for each wave that opened, its name above: turned where lines stand close."""
    opened = sorted(
        (wave.opening.at, wave.name) for wave in figures.waves if wave.opening is not None and wave.name
    )
    for place, (at, name) in enumerate(opened):
        axes.axvline(at, color=Role.MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        axes.text(
            min(at, end),
            1.01,
            name,
            rotation=28 if len(opened) > 1 else 0,
            rotation_mode="anchor",
            transform=axes.get_xaxis_transform(),
            color=Role.INK,
            fontsize=9,
            ha="left",
            va="bottom",
            zorder=5 + place,
        )
