"""The first page in rows: what the channel holds, how far it is, what goes wrong. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import clock, count, hosts, short_digest
from tidegate_fleet.watch.counts import phases, waves
from tidegate_fleet.watch.picture import Trust
from tidegate_fleet.watch.plain import distance, span
from tidegate_fleet.watch.rows import Row, Tone, row, title, wrapped
from tidegate_fleet.watch.troubles import failures, silent
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_fleet.watch.picture import EventLine, Picture, Release
    from tidegate_fleet.watch.rows import Span

_STATES: Final = {
    RolloutState.ACTIVE: ("ACTIVE", Tone.GOOD),
    RolloutState.HELD: ("HELD", Tone.WARN),
    RolloutState.REVOKED: ("REVOKED", Tone.BAD),
}


def header(picture: Picture, width: int) -> list[Row]:
    """What stands above everything: the release, who signed it, what a person has to know."""
    rows = _release(picture, width) if picture.release else [_no_release(picture)]
    spread = picture.loading or not picture.connected
    known = f"{hosts(picture.hosts)} known, {count(picture.online)} online"
    if spread:
        known += ", loading what the broker has in store…" if picture.connected else ""
    rows.append(row((known, Tone.BUSY if spread else Tone.DIM)))
    for notice in picture.notices:
        rows += [
            row((f"! {line}" if not at else f"  {line}", Tone.WARN)) for at, line in _lines(notice, width)
        ]
    return rows


def body(picture: Picture, width: int) -> list[Row]:
    """All that can be looked into: waves, phases, failures, silent hosts."""
    if picture.release is None:
        return []
    return [
        *waves(picture, width),
        *phases(picture, width),
        _speed(picture),
        *failures(picture, width),
        *silent(picture),
    ]


def events(picture: Picture, rows: int) -> list[Row]:
    """The newest events, the newest first."""
    shown = [event_row(event, picture) for event in picture.events[: max(0, rows - 1)]]
    return [title("NEWEST EVENTS"), *(shown or [row(("none was seen yet", Tone.DIM))])]


def event_row(event: EventLine, picture: Picture) -> Row:
    """One event."""
    step = event.step.value + ("" if event.percent is None else f" {event.percent} %")
    bad = event.code is not None
    words: list[Span] = [
        (f"{clock(event.heard, picture.now)} ", Tone.DIM),
        (f"{event.host:<16} ", Tone.PLAIN),
        (step, Tone.BAD if bad else Tone.PLAIN),
    ]
    if event.code is not None:
        words.append((f" [{event.code.value}]", Tone.BAD))
    if event.reason:
        words.append((f" {event.reason}", Tone.DIM))
    return row(*words, key=f"event {event.host}", leads=event.host)


def _no_release(picture: Picture) -> Row:
    words = "nothing has come yet" if picture.connected else "connecting…"
    return row((picture.channel, Tone.TITLE), f"  {words}")


def _release(picture: Picture, width: int) -> list[Row]:
    release = picture.release
    assert release is not None  # noqa: S101 -- for the type checker: the caller looked
    expired = release.expires <= picture.now
    word, tone = _STATES[release.state]
    first = row(
        (f"{picture.channel}  {release.version}", Tone.TITLE),
        f"  {short_digest(release.digest)}  #{release.sequence}  ",
        (word, tone),
        (f"  EXPIRED {distance(release.expires, picture.now)}", Tone.BAD)
        if expired
        else (f"  expires {distance(release.expires, picture.now)}", Tone.DIM),
    )
    return [first, _signers(release), *_led(release, width)]


def _led(release: Release, width: int) -> list[Row]:
    led = [row((release.led, Tone.DIM))] if release.led else []
    # A person is asked for something: whole, so that the command can be copied.
    asked = [row((line, Tone.WARN)) for _, line in _lines(release.asked, width)] if release.asked else []
    return [*led, *asked]


def _signers(release: Release) -> Row:
    who = " and ".join(release.signers) or "nobody"
    if release.trust is Trust.UNVERIFIED:
        said = "NOT VERIFIED: taken at its word (--signers says whom to believe); it claims to be signed by"
        return row((f"{said} {who}", Tone.WARN))
    return row((f"signed by {who}, {release.trust.value}", Tone.DIM))


def _lines(text: str, width: int) -> list[tuple[int, str]]:
    return list(enumerate(wrapped(text, max(20, width - 2))[:3]))


def _speed(picture: Picture) -> Row:
    words = speed_words(picture)
    return row(("SPEED   ", Tone.TITLE), words)


def speed_words(picture: Picture) -> str:
    """How fast it goes, and when it may be through, in words."""
    speed = picture.speed
    if speed is None:
        return "not known yet"
    words = f"{speed.per_minute:,.1f} hosts a minute"
    if not speed.remaining:
        return f"{words}; all that may start have ended"
    if speed.end is None:
        return f"{words}; {count(speed.remaining)} to go"
    left = span(speed.end - picture.now)
    return f"{words}; {count(speed.remaining)} to go, about {left} ({clock(speed.end, picture.now)})"
