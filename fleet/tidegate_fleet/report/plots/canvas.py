"""A figure of matplotlib that becomes SVG, and the roles that stand in for colours.

Text stays text: a reader can search it, and the page chooses the font. It is measured with matplotlib's own
DejaVu Sans, which runs wider than what browsers put in its place, so nothing overlaps.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from tidegate_fleet.report.plots.inline import inline

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS_PER_INCH: Final = 72
_SETTINGS: Final[dict[Any, object]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tidegate",
    "font.family": "DejaVu Sans",
    "font.size": 11.0,
    # Names come from outside: a dollar sign is a dollar sign.
    "text.parse_math": False,
    "text.usetex": False,
    "path.simplify": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": False,
}


class Role(StrEnum):
    """What a thing in a plot is. The value is the colour that stands for it until the page gives its own."""

    INK = "#010101"
    MUTED = "#020202"
    GRID = "#030303"
    GOOD = "#040404"
    BAD = "#050505"
    HELD = "#060606"
    BAND = "#070707"
    WINDOW = "#080808"
    WAIT = "#090909"
    FETCH = "#0a0a0a"
    ACTIVATE = "#0b0b0b"
    PROVE = "#0c0c0c"
    BACK = "#0d0d0d"

    @property
    def word(self) -> str:
        """Its name in class names of the style sheet."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Size:
    """In points; the page scales the plot to the width that it has.

    Attributes:
        name: `wide` for desks and paper, `narrow` for phones: both are in the page, which shows one of them.
    """

    name: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Caption:
    """What a plot says to whoever does not see it: a title, and its content in a sentence or two."""

    title: str
    text: str


def draw(name: str, sizes: tuple[Size, ...], caption: Caption, paint: Callable[[Axes, Size], None]) -> str:
    """Draw one plot in several sizes.

    Args:
        name: unique in the page: ids begin with it.
        sizes: how large; the page shows one of them.
        caption: its text alternative.
        paint: puts the content onto the axes.

    Returns:
        An `<svg>` element for each size.
    """
    return "".join(_draw(name, size, caption, paint) for size in sizes)


def _draw(name: str, size: Size, caption: Caption, paint: Callable[[Axes, Size], None]) -> str:
    import matplotlib as mpl  # noqa: PLC0415 -- it takes half a second, and most commands draw nothing
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 -- the same
    from matplotlib.figure import Figure  # noqa: PLC0415 -- the same

    with mpl.rc_context(_SETTINGS):
        figure: Figure = Figure(
            figsize=(size.width / POINTS_PER_INCH, size.height / POINTS_PER_INCH), layout="constrained"
        )
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        _dress(axes)
        paint(axes, size)
        drawn = io.StringIO()
        with warnings.catch_warnings():
            # That DejaVu Sans lacks a letter does not matter: the reader's own font draws it.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
            figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    classes = {role.value: role.word for role in Role}
    return inline(drawn.getvalue(), f"{name}-{size.name}", f"plot {size.name}", caption, classes)


def _dress(axes: Axes) -> None:
    axes.tick_params(colors=Role.MUTED, length=0, pad=5, labelsize=10, labelcolor=Role.MUTED)
    axes.spines["bottom"].set_color(Role.GRID)
    axes.set_axisbelow(True)
