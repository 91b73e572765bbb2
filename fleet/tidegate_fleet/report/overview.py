"""The last releases of a channel beside each other: how fast each was, and what share failed. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_fleet.report.figures import ReleaseFigures
from tidegate_fleet.report.gathering import gather_release
from tidegate_fleet.report.selection import Wanted, none_such, releases_of
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.report.asked import ReleaseHistory
    from tidegate_fleet.report.gathering import Terms


@dataclass(frozen=True, slots=True)
class Overview:
    """The last releases of a channel.

    Attributes:
        product: of the channel.
        channel: which one.
        made: when this was reckoned.
        releases: the newest first.
    """

    product: str
    channel: str
    made: datetime
    releases: tuple[ReleaseFigures, ...]


def gather_overview(history: ReleaseHistory, channel: Channel, last: int, terms: Terms) -> Overview:
    """The last releases, each read once.

    Raises:
        TidegateError: REPORT_NO_RELEASE; STORE_* from the history.
    """
    known = releases_of(history, channel, last)
    if not known:
        raise TidegateError(Code.REPORT_NO_RELEASE, none_such(channel, Wanted(), known))
    leads = tuple(gather_release(history, record, terms) for record in known)
    return Overview(*channel, terms.now, leads)
