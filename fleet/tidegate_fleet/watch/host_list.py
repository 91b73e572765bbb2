"""A list of hosts, a line for each. PURE."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import clock
from tidegate_fleet.watch.plain import plain
from tidegate_fleet.watch.rows import SIGNS, TONES, Row, Tone, row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tidegate_fleet.hosts import Host
    from tidegate_fleet.standing import Standing
    from tidegate_fleet.watch.model import Watched

_WIDE: Final = 110


class HostRows:
    """The lines of a list of hosts, made when they come into sight. See rows.Rows.

    Args:
        watched: where the hosts are known.
        names: whom to list, sorted.
        now: the present moment.
        width: columns that there are.
    """

    def __init__(self, watched: Watched, names: Sequence[str], now: datetime, width: int) -> None:
        self._watched = watched
        self._names = names
        self._now = now
        self._width = width

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Row:
        return host_row(self._watched, self._watched.fleet.hosts[self._names[index]], self._now, self._width)

    def find(self, key: str) -> int | None:
        """See rows.Rows.find."""
        index = bisect_left(self._names, key)
        return index if index < len(self._names) and self._names[index] == key else None


def list_head(width: int) -> Row:
    """What the columns of a list of hosts are."""
    name, wave = _columns(width)
    more = f"{'runs':<12}{'heard':<11}" if width >= _WIDE else ""
    words = f"  {'host':<{name}}{'phase':<14}{'wave':<{wave}}{'presence':<10}{more}why"
    return row((words, Tone.DIM))


def host_row(watched: Watched, host: Host, now: datetime, width: int) -> Row:
    """A host's line in a list."""
    progress = watched.progress
    place = None if progress is None else progress.place(host.name)
    standing = None if progress is None else progress.standing(host)
    name, wave = _columns(width)
    sign, phase, tone = ("  ", "not meant", Tone.DIM)
    if place is not None:
        sign, phase, tone = f"{SIGNS[place[1]]} ", place[1].value, TONES[place[1]]
    return row(
        f"  {host.name[: name - 1]:<{name}}",
        (f"{sign}{phase:<12}", tone),
        f"{'' if place is None else place[0][: wave - 1]:<{wave}}",
        (f"{'online' if host.online else 'offline':<10}", Tone.PLAIN if host.online else Tone.WARN),
        (_runs(watched, host, now) if width >= _WIDE else "", Tone.DIM),
        _why(standing),
        key=host.name,
        leads=host.name,
    )


def _columns(width: int) -> tuple[int, int]:
    return (34, 20) if width >= _WIDE else (20, 11)


def _runs(watched: Watched, host: Host, now: datetime) -> str:
    follow = host.follow(watched.channel)
    version = plain(follow.version, 10) if follow is not None and follow.version else "?"
    return f"{version:<12}{clock(host.heard, now)[-9:]:<11}"


def _why(standing: Standing | None) -> str:
    if standing is None:
        return ""
    parts = [
        "" if standing.percent is None else f"{standing.percent} %",
        "" if standing.waiting_for is None else f"for {plain(standing.waiting_for, 40)}",
        "" if standing.code is None else f"[{standing.code.value}]",
        plain(standing.reason, 120),
    ]
    return " ".join(part for part in parts if part)
