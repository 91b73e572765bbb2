"""The waves and the phases with their counts, in rows. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import count, hosts, percent
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.roster import Filter
from tidegate_fleet.watch.rows import PHASES, SIGNS, TONES, Row, Tone, bar, row, title

if TYPE_CHECKING:
    from tidegate_fleet.watch.picture import Picture, WaveLine
    from tidegate_fleet.watch.rows import Span

_NAME: Final = 11
_HOW: Final = 16
_SHARE: Final = 13
_WIDE: Final = 118

Columns = tuple[tuple[str, Phase | str, int], ...]
"""Title, what is counted, width."""

_COLUMNS: Final[Columns] = (
    ("hosts", "hosts", 7),
    ("succeeded", Phase.SUCCEEDED, 10),
    ("failed", Phase.FAILED, 7),
    ("activating", Phase.ACTIVATING, 11),
    ("silent", "silent", 7),
)
_ALL_COLUMNS: Final[Columns] = (
    *_COLUMNS[:-1],
    ("staging", Phase.STAGING, 8),
    ("waiting", Phase.WAITING, 8),
    ("pending", Phase.PENDING, 8),
    _COLUMNS[-1],
)


def waves(picture: Picture, width: int) -> list[Row]:
    """A line for each wave, with a bar and the counts."""
    columns = _ALL_COLUMNS if width >= _WIDE else _COLUMNS
    share = _SHARE if width >= _WIDE else 0
    counts = sum(size for _, _, size in columns)
    room = max(6, min(60, width - _NAME - _HOW - counts - share - 4))
    heads = "".join(f"{word:>{size}}" for word, _, size in columns)
    head = title(f"{'WAVES':<{_NAME + _HOW + room + 4}}{heads}")
    return [head, *(_wave(wave, room, columns, picture, share=bool(share)) for wave in picture.waves)]


def _wave(wave: WaveLine, room: int, columns: Columns, picture: Picture, *, share: bool) -> Row:
    name = (wave.name or ("everybody" if wave.share else "in no wave"))[: _NAME - 1]
    tone = Tone.GOOD if wave.open else Tone.BUSY if wave.opens_at else Tone.DIM
    return row(
        f"  {name:<{_NAME}}",
        (f"{wave.how[: _HOW - 1]:<{_HOW}}", tone),
        "[",
        *bar(wave.counts, room),
        "]",
        *(_cell(wave, what, size) for _, what, size in columns),
        (f"  {wave.share}" if share else "", Tone.DIM),
        key=f"wave {wave.name}",
        leads=Filter(wave=wave.name) if wave.name or picture.waves[:-1] else Filter(),
    )


def _cell(wave: WaveLine, column: Phase | str, size: int) -> Span:
    if isinstance(column, Phase):
        number, tone = wave.counts.get(column, 0), TONES[column]
    else:
        number = wave.hosts if column == "hosts" else wave.silent
        tone = Tone.PLAIN if column == "hosts" else Tone.WARN
    return f"{count(number):>{size}}", tone if number else Tone.DIM


def wave_words(picture: Picture, name: str) -> str:
    """The counts of a wave in words, for a list of its hosts."""
    wave = next((one for one in picture.waves if one.name == name), None)
    if wave is None:
        return ""
    parts = [f"{count(wave.counts[phase])} {phase.value}" for phase in Phase if wave.counts.get(phase)]
    silent = [f"{count(wave.silent)} silent"] if wave.silent else []
    return f"{hosts(wave.hosts)} in it, {wave.how}: " + ", ".join([*parts, *silent])


def phases(picture: Picture, width: int) -> list[Row]:
    """How many hosts are in each phase."""
    whole = picture.counted
    head = f"PHASES  {hosts(whole)}, {percent(picture.count(Phase.SUCCEEDED), whole)} succeeded"
    rows = [title(head)]
    for phase, _, _ in PHASES:
        number = picture.count(phase)
        share = number * max(8, min(40, width - 46)) // whole if whole else 0
        rows.append(
            row(
                f"  {SIGNS[phase]} {phase.value:<{10}}",
                (f"{count(number):>9}  {percent(number, whole):>7}  ", TONES[phase] if number else Tone.DIM),
                (SIGNS[phase] * share, TONES[phase]),
                key=f"phase {phase.value}",
                leads=Filter(phase=phase),
            )
        )
    return rows
