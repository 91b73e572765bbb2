"""The first page in rows: what the channel holds, how far it is, what goes wrong. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import clock, count, hosts, percent, short_digest
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.picture import Gate, Trust
from tidegate_fleet.watch.plain import distance, plain, span
from tidegate_fleet.watch.roster import Filter
from tidegate_fleet.watch.rows import PHASES, SIGNS, TONES, Row, Tone, bar, indented, row, title, wrapped
from tidegate_schemas.codes import REGISTRY
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_fleet.watch.picture import EventLine, FailureLine, Picture, Release, SilentHost, WaveLine
    from tidegate_fleet.watch.rows import Span

_STATES: Final = {
    RolloutState.ACTIVE: ("ACTIVE", Tone.GOOD),
    RolloutState.HELD: ("HELD", Tone.WARN),
    RolloutState.REVOKED: ("REVOKED", Tone.BAD),
}
_NAME: Final = 12
_GATE: Final = 16
_COLUMN: Final = 8
_SHARE: Final = 18
_WIDE: Final = 118

Columns = tuple[tuple[str, Phase | str], ...]
_COLUMNS: Final[Columns] = (
    ("hosts", "hosts"),
    ("ok", Phase.SUCCEEDED),
    ("failed", Phase.FAILED),
    ("active", Phase.ACTIVATING),
    ("silent", "silent"),
)
_ALL_COLUMNS: Final[Columns] = (
    *_COLUMNS[:-1],
    ("staging", Phase.STAGING),
    ("waiting", Phase.WAITING),
    ("pending", Phase.PENDING),
    _COLUMNS[-1],
)
_REASONS: Final = 2
_REMEDIES: Final = 2
_SILENT: Final = 5


def header(picture: Picture, width: int) -> list[Row]:
    """What stands above everything: the release, who signed it, what a person has to know."""
    rows = _release(picture) if picture.release else [_no_release(picture)]
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
    """All that can be looked into: waves, states, failures, silent hosts."""
    if picture.release is None:
        return []
    return [
        *_waves(picture, width),
        *_phases(picture, width),
        _speed(picture),
        *_failures(picture, width),
        *_silent(picture),
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
    words = "nothing is announced there, or it has not come yet" if picture.connected else "connecting…"
    return row((picture.channel, Tone.TITLE), f"  {words}")


def _release(picture: Picture) -> list[Row]:
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
    return [first, _signers(release), *([row((release.claim, Tone.DIM))] if release.claim else [])]


def _signers(release: Release) -> Row:
    who = " and ".join(release.signers) or "nobody"
    if release.trust is Trust.UNVERIFIED:
        said = "NOT VERIFIED: taken at its word (--signers says whom to believe); it claims to be signed by"
        return row((f"{said} {who}", Tone.WARN))
    return row((f"signed by {who}, {release.trust.value}", Tone.DIM))


def _lines(text: str, width: int) -> list[tuple[int, str]]:
    return list(enumerate(wrapped(text, max(20, width - 2))[:3]))


def _waves(picture: Picture, width: int) -> list[Row]:
    columns = _ALL_COLUMNS if width >= _WIDE else _COLUMNS
    share = _SHARE if width >= _WIDE else 0
    room = max(6, min(60, width - _NAME - _GATE - _COLUMN * len(columns) - share - 6))
    heads = "".join(f"{word:>{_COLUMN}}" for word, _ in columns)
    head = title(f"{'WAVES':<{_NAME + _GATE + room + 4}}{heads}")
    return [head, *(_wave(wave, room, columns, picture, share=bool(share)) for wave in picture.waves)]


def _wave(wave: WaveLine, room: int, columns: Columns, picture: Picture, *, share: bool) -> Row:
    name = (wave.name or ("everybody" if wave.share else "in no wave"))[: _NAME - 1]
    gate = {
        Gate.OPEN: ("open", Tone.GOOD),
        Gate.CLOSED: ("closed", Tone.DIM),
        Gate.LATER: (_opens(wave, picture), Tone.BUSY),
    }[wave.gate]
    return row(
        f"  {name:<{_NAME}}",
        (f"{gate[0]:<{_GATE}}", gate[1]),
        "[",
        *bar(wave.counts, room),
        "]",
        *(_cell(wave, phase) for _, phase in columns),
        (f"  {wave.share}" if share else "", Tone.DIM),
        key=f"wave {wave.name}",
        leads=Filter(wave=wave.name) if wave.name or picture.waves[:-1] else Filter(),
    )


def _cell(wave: WaveLine, column: Phase | str) -> Span:
    if isinstance(column, Phase):
        number, tone = wave.counts.get(column, 0), TONES[column]
    else:
        number = wave.hosts if column == "hosts" else wave.silent
        tone = Tone.PLAIN if column == "hosts" else Tone.WARN
    return f"{count(number):>{_COLUMN}}", tone if number else Tone.DIM


def wave_words(picture: Picture, name: str) -> str:
    """The counts of a wave in words, for a list of its hosts."""
    wave = next((one for one in picture.waves if one.name == name), None)
    if wave is None:
        return ""
    parts = [f"{count(wave.counts[phase])} {phase.value}" for phase in Phase if wave.counts.get(phase)]
    silent = [f"{count(wave.silent)} silent"] if wave.silent else []
    return f"{hosts(wave.hosts)} in it, {wave.gate.value}: " + ", ".join([*parts, *silent])


def _opens(wave: WaveLine, picture: Picture) -> str:
    return "later" if wave.opens_at is None else f"opens {distance(wave.opens_at, picture.now)}"


def _phases(picture: Picture, width: int) -> list[Row]:
    whole = picture.counted
    head = f"STATES  {hosts(whole)}, {percent(picture.done, whole)} done"
    rows = [title(head)]
    for phase, _, _ in PHASES:
        number = picture.count(phase)
        share = number * max(8, min(40, width - 46)) // whole if whole else 0
        rows.append(
            row(
                f"  {SIGNS[phase]} {phase.value:<{_NAME - 2}}",
                (f"{count(number):>9}  {percent(number, whole):>7}  ", TONES[phase] if number else Tone.DIM),
                (SIGNS[phase] * share, TONES[phase]),
                key=f"phase {phase.value}",
                leads=Filter(phase=phase),
            )
        )
    return rows


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
        return f"{words}; no host that may start is left"
    if speed.end is None:
        return f"{words}; {count(speed.remaining)} to go"
    left = span(speed.end - picture.now)
    return f"{words}; {count(speed.remaining)} to go, about {left} ({clock(speed.end, picture.now)})"


def _failures(picture: Picture, width: int) -> list[Row]:
    if not picture.failures:
        return [title("FAILURES"), row(("  none", Tone.DIM))]
    rows = [title("FAILURES")]
    for failure in picture.failures:
        rows += _failure(failure, picture, width)
    return rows


def _failure(failure: FailureLine, picture: Picture, width: int) -> list[Row]:
    newest = "" if failure.newest is None else f"  newest {clock(failure.newest, picture.now)}"
    head = row(
        (f"  {SIGNS[Phase.FAILED]} {failure.name:<24}", Tone.BAD),
        f"{hosts(failure.hosts):>14}",
        (newest, Tone.DIM),
        key=f"failure {failure.name}",
        leads=Filter(failed=failure.name),
    )
    told = wrapped(failure.reason or "no reason was given", width - 6)[:_REASONS]
    remedy = "" if failure.code is None else f"do: {plain(REGISTRY[failure.code].remedy)}"
    advice = wrapped(remedy, width - 6)[:_REMEDIES] if remedy else []
    return [
        head,
        *(indented(indented(row(line))) for line in told),
        *(indented(indented(row((line, Tone.DIM)))) for line in advice),
    ]


def _silent(picture: Picture) -> list[Row]:
    if not picture.silent_hosts:
        return [title("SILENT"), row(("  none", Tone.DIM))]
    head = row(
        ("  ? ", Tone.WARN),
        f"{hosts(picture.silent_hosts)} began to activate and come no further",
        key="silent",
        leads=Filter(silent=True),
    )
    rows = [
        row(
            f"    {one.name:<24}",
            (_silence(one, picture), Tone.DIM),
            key=f"silent {one.name}",
            leads=one.name,
        )
        for one in picture.silent[:_SILENT]
    ]
    return [title("SILENT"), head, *rows]


def _silence(one: SilentHost, picture: Picture) -> str:
    stuck = span(picture.now - one.since)
    return f"{one.step.value} for {stuck}, last heard {distance(one.heard, picture.now)}"
