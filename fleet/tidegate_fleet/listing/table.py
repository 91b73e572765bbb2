"""The rows in lines, for people. PURE.

Whatever hosts say is cut short and made harmless: it must not drive the reader's terminal.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tidegate_fleet.harmless import LABEL, harmless
from tidegate_fleet.phrases import clock, count, hosts, short_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tidegate_fleet.listing.rows import Row

LABELS_FROM: Final = 132
"""Columns of a terminal from which labels are shown."""

VALUES: Final = 1000
"""Values of labels that are counted apart. A cap: a host can invent labels for ever."""

_TITLES: Final = ("HOST", "PRESENCE", "CHANNEL", "RUNS", "PHASE", "DRIFT", "LABELS", "WHY")
_CHANNEL, _LABELS = _TITLES.index("CHANNEL"), _TITLES.index("LABELS")
_NARROW: Final = 24
_LABELS_WIDE: Final = 40
_WHY: Final = 160
_CHANNEL_FROM: Final = 100


def table(rows: Sequence[Row], now: datetime, width: int | None = None) -> Iterator[str]:
    """The rows under their titles.

    Args:
        rows: which.
        now: the present moment.
        width: columns of the terminal, to which each line is cut; None: as wide as they are.
    """
    left_out = set(_left_out(rows, width))
    cells = [
        [cell for column, cell in enumerate(line) if column not in left_out]
        for line in (_TITLES, *(_cells(row, now) for row in rows))
    ]
    wide = [max(len(line[column]) for line in cells) for column in range(len(cells[0]) - 1)]
    for line in cells:
        text = "  ".join(f"{cell:<{size}}" for cell, size in zip(line, [*wide, 0], strict=True)).rstrip()
        yield text if width is None or len(text) <= width else f"{text[: max(0, width - 1)]}…"


def _left_out(rows: Sequence[Row], width: int | None) -> Iterator[int]:
    if width is None or width < LABELS_FROM or not any(row.labels for row in rows):
        yield _LABELS
    # What is the same in each row stands in the summary above.
    if width is not None and width < _CHANNEL_FROM and len({row.channel for row in rows} - {None}) <= 1:
        yield _CHANNEL


def change(row: Row, now: datetime) -> str:
    """A row that changed, on a line of its own."""
    cells = [cell for column, cell in enumerate(_cells(row, now)) if column != _LABELS]
    return "  ".join(filter(None, (f"{now:%H:%M:%SZ}", *cells)))


def why(row: Row, now: datetime) -> str:
    """What keeps a host, and what is wrong with it."""
    words = [row.fault, _waits(row, now) if row.waiting_for else _reason(row)]
    if row.stale_since is not None:
        words.append(f"stale since {clock(row.stale_since, now)}")
    if row.quarantined:
        words.append(f"{count(len(row.quarantined))} quarantined")
    words += [f"trust: {warning}" for warning in row.warnings]
    if row.events_dropped:
        words.append(f"{count(row.events_dropped)} events dropped")
    if row.begun_anew:
        words.append("its counts began anew: installed again, or two hosts of one name")
    return harmless("; ".join(filter(None, words)), _WHY)


def label_counts(rows: Iterable[Row]) -> list[tuple[str, str, int]]:
    """Each label's values, and how many hosts have them: key, value, hosts; `VALUES` at most."""
    counted: Counter[tuple[str, str]] = Counter()
    seen: set[str] = set()
    for row in rows:
        if row.host not in seen:
            seen.add(row.host)
            counted.update(row.labels.items())
    most = counted.most_common(VALUES)
    return sorted(((key, value, number) for (key, value), number in most), key=_by_key)


def label_table(labels: Iterable[tuple[str, str, int]]) -> Iterator[str]:
    """The values of labels as lines: ready for `--label`."""
    lines = [(harmless(f"{key}={value}", LABEL), hosts(number)) for key, value, number in labels]
    wide = max((len(label) for label, _ in lines), default=0)
    for label, number in lines:
        yield f"{label:<{wide}}  {number}"


def _by_key(label: tuple[str, str, int]) -> tuple[str, int, str]:
    key, value, number = label
    return key, -number, value


def _cells(row: Row, now: datetime) -> tuple[str, ...]:
    labels = " ".join(f"{key}={value}" for key, value in sorted(row.labels.items()))
    return (
        row.host,
        "online" if row.online else "offline",
        "-" if row.channel is None else "/".join(row.channel),
        "-" if row.channel is None else _runs(row),
        "-" if row.phase is None else row.phase.value,
        "-" if row.drift is None else row.drift.value,
        harmless(labels, _LABELS_WIDE),
        why(row, now),
    )


def _runs(row: Row) -> str:
    if row.version is not None:
        return harmless(row.version, _NARROW)
    return "nothing" if row.current is None else short_digest(row.current)


def _waits(row: Row, now: datetime) -> str:
    if row.waiting_for == "wave" and row.wave is not None:
        return _waits_for_wave(row, now)
    until = "" if row.until is None else f" until {clock(row.until, now)}"
    return f"{row.waiting_for}{until}: {row.reason}"


def _waits_for_wave(row: Row, now: datetime) -> str:
    wave = row.wave
    if wave is None:
        return row.reason
    if wave.is_open(now):
        if row.waits_for_budget:
            return f"wave {wave.name}: open for {wave.fraction * 100:.3g} %, waits for the budget"
        return f"wave {wave.name}: open, not heard of yet"
    return f"wave {wave.name}: " + (
        "closed" if wave.opens_at is None else f"opens {clock(wave.opens_at, now)}"
    )


def _reason(row: Row) -> str:
    return f"[{row.code}] {row.reason}" if row.code is not None else row.reason
