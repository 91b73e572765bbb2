"""Ticks in whole seconds, minutes, hours or days, with as many as the width has room for."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from tidegate_fleet.report.plots.canvas import Role

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tidegate_fleet.report.plots.canvas import Size

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(each * _MINUTE for each in (1, 2, 5, 10, 15, 30)),
    *(each * _HOUR for each in (1, 2, 3, 6, 12)),
    *(each * _DAY for each in (1, 2, 7, 14, 28)),
)
_POINTS_EACH: Final = 75


def time_ticks(end: float, size: Size) -> tuple[list[float], list[str]]:
    """Ticks from 0 to `end` seconds, with labels in the one unit that suits the step."""
    room = max(2, int(size.width // _POINTS_EACH))
    step = next((each for each in _STEPS if end / each <= room), 0) or ceil(end / room / _DAY) * _DAY
    unit, word = next(
        (unit, word)
        for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
        if step % unit == 0
    )
    ticks = [float(place * step) for place in range(int(end // step) + 1)]
    return ticks, [f"{int(tick // unit)} {word}" for tick in ticks]


def time_axis(axes: Axes, end: float, size: Size) -> None:
    """The horizontal axis in time since the beginning, to `end` seconds, with grid lines."""
    ticks, labels = time_ticks(end, size)
    axes.set_xlim(0, end)
    axes.set_xticks(ticks, labels)
    axes.grid(visible=True, axis="x", color=Role.GRID, linewidth=0.6)
