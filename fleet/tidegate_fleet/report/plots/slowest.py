"""The slowest hosts as bars: where the time of each went, by its own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.report.phrases import amount
from tidegate_fleet.report.plots.canvas import Caption, Role, Size, draw
from tidegate_fleet.report.plots.scales import time_axis
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tidegate_fleet.report.figures import SlowHost

PARTS: Final = (
    ("window", Role.WINDOW, "waiting for a window"),
    ("wait", Role.WAIT, "waiting for something else"),
    ("fetch", Role.FETCH, "fetching"),
    ("activate", Role.ACTIVATE, "activating"),
    ("prove", Role.PROVE, "proving"),
    ("back", Role.BACK, "rolling back"),
)
"""What the time of a host is divided into: key, role, words for the legend."""

_PART_OF: Final = {
    Step.ACCEPTED: "wait",
    Step.WAITING: "wait",
    Step.STAGING: "fetch",
    Step.STAGED: "wait",
    Step.ACTIVATING: "activate",
    Step.REBOOTING: "activate",
    Step.PROVING: "prove",
    Step.ROLLING_BACK: "back",
}
_ROW: Final = 22
_FRAME: Final = 42


def parts_of(host: SlowHost) -> dict[str, float]:
    """Seconds of a host by the keys of PARTS; empty when its account is not believed."""
    sums = dict.fromkeys((key for key, _, _ in PARTS), 0.0)
    if host.parts is None:
        return {}
    for step, seconds in host.parts.items():
        if step in _PART_OF:
            sums[_PART_OF[step]] += seconds
    windowed = min(host.waited_for.get("window", 0.0), sums["wait"])
    sums["window"], sums["wait"] = windowed, sums["wait"] - windowed
    return {key: seconds for key, seconds in sums.items() if seconds > 0}


def slowest(hosts: tuple[SlowHost, ...]) -> str:
    """The plot of these hosts, in both sizes."""
    height = _FRAME + _ROW * len(hosts)
    told = (
        f"{hosts[0].host} took {amount(hosts[0].seconds)}, the longest of all. The table below has the parts."
    )
    caption = Caption("Where the time of the slowest hosts went", told)
    sizes = (Size("wide", 780, height), Size("narrow", 390, height))
    return draw("slowest", sizes, caption, lambda axes, size: _paint(axes, hosts, size))


def _paint(axes: Axes, hosts: tuple[SlowHost, ...], size: Size) -> None:
    end = max(10.0, max(max(host.seconds, sum(parts_of(host).values())) for host in hosts) * 1.02)
    for row, host in enumerate(hosts):
        axes.barh(row, host.seconds, height=0.62, color=Role.GRID, linewidth=0)
        left, parts = 0.0, parts_of(host)
        for key, role, _ in PARTS:
            if key in parts:
                axes.barh(row, parts[key], left=left, height=0.62, color=role, linewidth=0)
                left += parts[key]
    axes.set_ylim(len(hosts) - 0.5, -0.5)
    most = 24 if size.name == "wide" else 14
    axes.set_yticks(
        range(len(hosts)),
        [host.host if len(host.host) <= most else f"{host.host[: most - 1]}…" for host in hosts],
    )
    axes.tick_params(axis="y", labelcolor=Role.INK)
    time_axis(axes, end, size)
