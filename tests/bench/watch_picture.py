"""The picture of docs/watching.md: `python -m tests.bench.watch_picture [FILE]`.

Drawn by textual's own export from a made-up fleet, without a broker. The export names fonts at a CDN: they
are taken out, so that whoever opens the page asks nobody else.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.watching import Nobody
from tests.support.fleets import at, said
from tests.support.watched import (
    CANARY,
    CHANNEL,
    EARLY,
    EVERYBODY,
    announced,
    hosts_in,
    passage,
    stored,
    take,
    unwell,
)
from tidegate_fleet.watch.inbox import ConnectionSeen, Inbox
from tidegate_fleet.watch.model import Watched
from tidegate_fleet.watch.screen.app import WatchApp
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Runner

if TYPE_CHECKING:
    from datetime import datetime

PAGE: Final = Path(__file__).parents[2] / "docs/pictures/watch.svg"
SIZE: Final = (100, 34)
_NOW: Final = at(2400)


def fleet() -> Watched:
    """Canaries done, the next wave under way; two hosts are unwell, one has long been silent."""
    runner = Runner(
        id="ci-77", process="1", wave="early", began_at=at(0), until=at(2430), opened_at=at(600), first=1
    )
    opened = (CANARY, EARLY.model_copy(update={"open": True, "opens_at": None}), EVERYBODY)
    canaries, early, late = hosts_in(CANARY, 24), hosts_in(EARLY, 96), hosts_in(EVERYBODY, 120)
    words = [ConnectionSeen(), announced(1), *stored(*canaries, *early, *late)]
    watched = take(Watched(CHANNEL), words, at(0))
    for number, host in enumerate(canaries[:-1]):
        take(watched, passage(host, 20 + 9 * number), at(20 + 9 * number))
    take(watched, [said(canaries[-1], Step.REBOOTING, 300)], at(300))
    take(watched, [announced(7, waves=opened, runner=runner)], at(600))
    for number, host in enumerate(early[:40]):
        take(watched, passage(host, 1860 + 13 * number), at(1860 + 13 * number))
        if number % 4 == 0:
            watched.picture(at(1860 + 13 * number))
    for number, host in enumerate(early[40:42]):
        take(watched, unwell(host, 2300 + 40 * number), at(2310 + 40 * number))
    for step, hosts in (
        (Step.PROVING, early[42:49]),
        (Step.STAGING, early[49:70]),
        (Step.WAITING, early[70:84]),
    ):
        take(watched, [said(host, step, 2380) for host in hosts], at(2380))
    return watched


async def drawn() -> str:
    """The first page as an SVG."""

    def now() -> datetime:
        return _NOW

    app = WatchApp(fleet(), Inbox(), Nobody(), now)
    async with app.run_test(size=SIZE) as pilot:
        while app.picture is None:  # noqa: ASYNC110 -- no event tells
            await asyncio.sleep(0.05)
        await pilot.pause(0.5)
        return app.export_screenshot(title="tidegate watch os/stable")


def without_fonts(svg: str) -> str:
    """The picture in whatever monospaced font there is, fetched from nowhere."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", "monospace").replace(
        "font-family: arial", "font-family: sans-serif"
    )


def main() -> None:
    """Draw it."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    path.write_text(without_fonts(asyncio.run(drawn())))


if __name__ == "__main__":
    main()
