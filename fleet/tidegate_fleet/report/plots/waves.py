"""The waves one below the other: when each opened, when its hosts succeeded, when the last came to an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.report.phrases import amount, wave_name
from tidegate_fleet.report.plots.adoption import span
from tidegate_fleet.report.plots.canvas import Caption, Role, Size, draw
from tidegate_fleet.report.plots.scales import time_axis
from tidegate_fleet.report.spread import rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tidegate_fleet.report.figures import Figures, WaveFigures

_ROW: Final = 34
_FRAME: Final = 46
_BAR: Final = 0.46
_LABEL: Final = 16


def waves(figures: Figures) -> str:
    """The plot in both sizes."""
    height = _FRAME + _ROW * len(figures.waves)
    caption = Caption("Waves over time", _text(figures))
    sizes = (Size("wide", 780, height), Size("narrow", 390, height))
    return draw("waves", sizes, caption, lambda axes, size: _paint(axes, figures, size))


def _text(figures: Figures) -> str:
    told = [
        f"{wave_name(wave.name)} opened after {amount(wave.opening.at)}"
        if wave.opening
        else f"{wave_name(wave.name)} has not opened"
        for wave in figures.waves
    ]
    return f"{'; '.join(told)}. The table below has the figures."


def _paint(axes: Axes, figures: Figures, size: Size) -> None:
    end = span(figures)
    for begin, over in figures.timeline.held:
        axes.axvspan(begin, end if over is None else over, color=Role.BAND, linewidth=0)
    for row, wave in enumerate(figures.waves):
        _row(axes, row, wave, end)
    axes.set_ylim(len(figures.waves) - 0.5, -0.5)
    names = [wave_name(wave.name) for wave in figures.waves]
    axes.set_yticks(
        range(len(names)), [name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…" for name in names]
    )
    axes.tick_params(axis="y", labelcolor=Role.INK)
    time_axis(axes, end, size)


def _row(axes: Axes, row: int, wave: WaveFigures, end: float) -> None:
    start = wave.opening.at if wave.opening is not None else wave.began
    if start is not None:
        axes.plot([start, max(start, wave.ended or end)], [row, row], color=Role.MUTED, linewidth=1.4)
        axes.plot([start, start], [row - 0.28, row + 0.28], color=Role.MUTED, linewidth=1.4)
    moments = [moment for moment, _ in wave.curve.points]
    if not moments:
        return
    # The curve is thinned evenly by hosts, so its points are ranked as the hosts are.
    low, middle, high = (rank(moments, part) for part in (0.1, 0.5, 0.9))
    least = end / 300
    axes.barh(row, max(high - low, least), left=low, height=_BAR, color=Role.GOOD, alpha=0.35, linewidth=0)
    axes.plot([middle, middle], [row - _BAR / 2, row + _BAR / 2], color=Role.GOOD, linewidth=2.4)
