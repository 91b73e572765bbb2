"""The listing in lines, for people. PURE.

Whatever hosts and statements say is cut short and made harmless: it must not drive the reader's terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.harmless import LABEL, harmless
from tidegate_fleet.listing.drift import Drift
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.listing.register import Register
    from tidegate_fleet.listing.rows import Row
    from tidegate_fleet.listing.tally import ChannelTally, Tally

CHANNELS: Final = 20
"""Channels that are summed up before the table."""

_SEVERAL: Final = 5
_WHY: Final = 160
_DIGEST: Final = 19
_INDENT: Final = "    "
_NARROW: Final = 24


def header(register: Register, now: datetime) -> Iterator[str]:
    """What the rows come to: hosts, channels, quarantined images, trouble."""
    tally = register.tally
    known = "" if register.known == tally.hosts else f", of {count(register.known)} known"
    yield f"{hosts(tally.hosts)}, {count(tally.online)} online{known}"
    channels = sorted(tally.channels)
    for channel in channels[:CHANNELS]:
        yield from _channel(channel, register.announced.get(channel), tally.channels[channel], now)
    if len(channels) > CHANNELS:
        yield f"… and {count(len(channels) - CHANNELS)} channels more"
    for digest, number in tally.most_quarantined(_SEVERAL):
        yield f"quarantined {short(digest)} on {hosts(number)}"
    if len(tally.quarantined) > _SEVERAL:
        yield f"… and {count(len(tally.quarantined) - _SEVERAL)} quarantined images more"
    if trouble := _trouble(tally):
        yield f"trouble: {trouble}"


def table(rows: Sequence[Row], width: int | None = None) -> Iterator[str]:
    """The rows under their titles, as wide as they are or cut to `width`."""
    cells = [("HOST", "", "CHANNEL", "RUNS", "STATE", "DRIFT", "WHY"), *map(_cells, rows)]
    wide = [max(len(line[column]) for line in cells) for column in range(len(cells[0]) - 1)]
    for line in cells:
        columns = zip(line, [*wide, 0], strict=True)
        text = "  ".join(f"{cell:<{size}}" for cell, size in columns).rstrip()
        yield text if width is None or len(text) <= width else f"{text[: max(0, width - 1)]}…"


def change(row: Row, now: datetime) -> str:
    """A row that changed, on a line of its own."""
    return "  ".join(filter(None, (f"{now:%H:%M:%SZ}", *_cells(row))))


def why(row: Row) -> str:
    """What keeps a host, and what is wrong with it."""
    words = [row.fault, _waits(row) if row.waiting_for else _reason(row)]
    if row.stale_since is not None:
        words.append(f"stale since {moment(row.stale_since)}")
    if row.quarantined:
        words.append(f"{count(len(row.quarantined))} quarantined")
    words += [f"trust: {warning}" for warning in row.warnings]
    if row.events_dropped:
        words.append(f"{count(row.events_dropped)} events dropped")
    if row.begun_anew:
        words.append("its counts began anew: installed again, or two hosts of one name")
    return harmless("; ".join(filter(None, words)), _WHY)


def short(digest: str | None) -> str:
    """As much of a digest as people compare."""
    return "nothing" if digest is None else harmless(digest[:_DIGEST])


def moment(at: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{at:%Y-%m-%d %H:%MZ}"


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def hosts(number: int) -> str:
    """`1 host`, `12,345 hosts`."""
    return f"{count(number)} host{'' if number == 1 else 's'}"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.host,
        "online" if row.online else "offline",
        "-" if row.channel is None else "/".join(row.channel),
        "-" if row.channel is None else _runs(row),
        harmless(row.state, _NARROW),
        "-" if row.drift is None else row.drift.value,
        why(row),
    )


def _runs(row: Row) -> str:
    return short(row.current) if row.version is None else harmless(row.version, _NARROW)


def _waits(row: Row) -> str:
    until = "" if row.until is None else f" until {moment(row.until)}"
    return f"{row.waiting_for}{until}: {row.reason}"


def _reason(row: Row) -> str:
    return f"[{row.code}] {row.reason}" if row.code is not None else row.reason


def _channel(
    channel: Channel, announced: Announced | None, tally: ChannelTally, now: datetime
) -> Iterator[str]:
    yield f"{'/'.join(channel)}  {_announced(announced, now)}"
    shown = [f"{count(tally.drifts[drift])} {drift}" for drift in reversed(Drift) if tally.drifts[drift]]
    yield f"{_INDENT}{hosts(tally.hosts)}: {', '.join(shown)}"
    if tally.waits:
        yield f"{_INDENT}wait for {_wait_words(tally)}"
    runs = sorted(tally.running.items(), key=lambda item: (-item[1], str(item[0])))
    words = [
        f"{harmless(version, LABEL) if version else short(digest)} {count(number)}"
        for (digest, version), number in runs[:_SEVERAL]
    ]
    more = [f"{count(len(runs) - _SEVERAL)} others"] if len(runs) > _SEVERAL else []
    yield f"{_INDENT}run {', '.join([*words, *more])}"
    if tally.stale:
        yield f"{_INDENT}{hosts(tally.stale)} heard nothing new before the statement expired"
    if tally.refused:
        yield f"{_INDENT}{count(tally.refused)} messages refused"


def _announced(announced: Announced | None, now: datetime) -> str:
    if announced is None:
        return "nothing is announced here"
    if announced.statement is None:
        reason = "" if announced.fault is None else f": [{announced.fault.code}] {announced.fault.reason}"
        return harmless(f"what is announced is not believed{reason}", _WHY)
    said = announced.statement.predicate
    state = said.rollout.state
    parts = [
        f"#{said.sequence} {said.version} {short(announced.statement.digest)}",
        "" if state is RolloutState.ACTIVE else state.value.upper(),
        f"EXPIRED {moment(said.expires)}" if said.expires <= now else "",
        _trust(announced),
    ]
    return harmless(", ".join(filter(None, parts)), _WHY)


def _trust(announced: Announced) -> str:
    if not announced.verified:
        return "NOT VERIFIED"
    return "verified" if announced.compared else "genuine, by whomever"


def _wait_words(tally: ChannelTally) -> str:
    windows = tally.windows()
    words = []
    for reason, number in tally.waits.most_common(_SEVERAL):
        when = ""
        if reason == "window" and windows is not None:
            first, last = map(moment, windows)
            when = f" ({first})" if first == last else f" ({first} to {last})"
        words.append(f"{harmless(reason, _NARROW)} {count(number)}{when}")
    return ", ".join(words)


def _trouble(tally: Tally) -> str:
    words = [
        f"{hosts(tally.faults)} cannot write to disk" if tally.faults else "",
        f"{hosts(tally.warned)} with trust warnings" if tally.warned else "",
        f"{count(tally.events_dropped)} events dropped by {hosts(tally.dropping)}" if tally.dropping else "",
        f"{hosts(tally.begun_anew)} began anew" if tally.begun_anew else "",
    ]
    return ", ".join(filter(None, words))
