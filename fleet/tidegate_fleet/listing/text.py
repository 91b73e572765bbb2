"""What the rows come to, in lines, for people. PURE.

Whatever hosts and statements say is cut short and made harmless: it must not drive the reader's terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.harmless import LABEL, harmless
from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.phrases import clock, count, hosts, short_digest
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.listing.register import Register
    from tidegate_fleet.listing.tally import ChannelTally, Tally

CHANNELS: Final = 20
"""Channels that are summed up before the table."""

_SEVERAL: Final = 5
_WHY: Final = 160
_INDENT: Final = "    "
_NARROW: Final = 24
_AWAITED: Final = {"hold": "a hold to end", "wave": "their wave", "window": "a window"}


def header(register: Register, now: datetime) -> Iterator[str]:
    """What the rows come to: hosts, channels, quarantined images, trouble."""
    tally = register.tally
    known = "" if register.known == tally.hosts else f", of {count(register.known)} known"
    yield f"{hosts(tally.hosts)}, {count(tally.online)} online{known}"
    if register.name_alone:
        alone = f"{hosts(register.name_alone)} {_is(register.name_alone)} offline and left only"
        yield f"{alone} {_their(register.name_alone)} name; no label, channel or phase matches"
    channels = sorted(tally.channels)
    for channel in channels[:CHANNELS]:
        yield from _channel(channel, register.announced.get(channel), tally.channels[channel], now)
    if len(channels) > CHANNELS:
        yield f"… and {count(len(channels) - CHANNELS)} channels more"
    for digest, number in tally.most_quarantined(_SEVERAL):
        yield f"quarantined {short_digest(digest)} on {hosts(number)}"
    if len(tally.quarantined) > _SEVERAL:
        yield f"… and {count(len(tally.quarantined) - _SEVERAL)} quarantined images more"
    if trouble := _trouble(tally):
        yield f"trouble: {trouble}"


def _channel(
    channel: Channel, announced: Announced | None, tally: ChannelTally, now: datetime
) -> Iterator[str]:
    yield f"{'/'.join(channel)}  {_announced(announced, now)}"
    shown = [f"{count(tally.drifts[drift])} {drift}" for drift in reversed(Drift) if tally.drifts[drift]]
    yield f"{_INDENT}{hosts(tally.hosts)}: {', '.join(shown)}"
    if tally.waits:
        yield f"{_INDENT}wait: {_wait_words(tally, now)}"
    runs = sorted(tally.running.items(), key=lambda item: (-item[1], str(item[0])))
    words = [f"{_image(digest, version)} on {count(number)}" for (digest, version), number in runs[:_SEVERAL]]
    more = [f"{count(len(runs) - _SEVERAL)} others"] if len(runs) > _SEVERAL else []
    yield f"{_INDENT}run: {', '.join([*words, *more])}"
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
        f"#{said.sequence} {said.version} {short_digest(announced.statement.digest)}",
        "" if state is RolloutState.ACTIVE else state.value.upper(),
        f"EXPIRED {clock(said.expires, now)}" if said.expires <= now else "",
        _trust(announced),
    ]
    return harmless(", ".join(filter(None, parts)), _WHY)


def _trust(announced: Announced) -> str:
    if not announced.verified:
        return "NOT VERIFIED"
    return "verified" if announced.compared else "genuine, by whomever"


def _wait_words(tally: ChannelTally, now: datetime) -> str:
    windows = tally.windows()
    words = []
    for reason, number in tally.waits.most_common(_SEVERAL):
        when = ""
        if reason == "window" and windows is not None:
            first, last = (clock(moment, now) for moment in windows)
            when = f" ({first})" if first == last else f" ({first} to {last})"
        words.append(f"{count(number)} for {_AWAITED.get(reason, harmless(reason, _NARROW))}{when}")
    return ", ".join(words)


def _image(digest: str | None, version: str | None) -> str:
    if version:
        return harmless(version, LABEL)
    return "nothing" if digest is None else short_digest(digest)


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _their(number: int) -> str:
    return "its" if number == 1 else "their"


def _trouble(tally: Tally) -> str:
    words = [
        f"{hosts(tally.faults)} cannot write to disk" if tally.faults else "",
        f"{hosts(tally.warned)} with trust warnings" if tally.warned else "",
        f"{count(tally.events_dropped)} events dropped by {hosts(tally.dropping)}" if tally.dropping else "",
        f"{hosts(tally.begun_anew)} began anew" if tally.begun_anew else "",
    ]
    return ", ".join(filter(None, words))
