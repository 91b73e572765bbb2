"""What is watched, told in lines: for logs, for CI, for whoever has no terminal. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tidegate_fleet.phrases import clock, count, hosts, percent, short_digest
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.documents import picture_document, wave_place
from tidegate_fleet.watch.overview import speed_words
from tidegate_fleet.watch.picture import Trust
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_fleet.watch.ending import Ending
    from tidegate_fleet.watch.picture import Counts, Picture, Release

EVERY: Final = timedelta(seconds=5)
"""How often progress is told, when there is any."""

_UNDER_WAY: Final = (Phase.ACTIVATING, Phase.STAGING, Phase.WAITING, Phase.PENDING, Phase.SKIPPED)
_CODES: Final = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One line: for people, and for machines."""

    text: str
    document: dict[str, Any]


class Teller:
    """Tells what is new from picture to picture: at once what one has to know, the counts now and then."""

    def __init__(self, every: timedelta = EVERY) -> None:
        self._every = every
        self._release: Release | None = None
        self._waves: dict[str, str] = {}
        self._notices: tuple[str, ...] = ()
        self._codes: set[str] = set()
        self._told: tuple[Counts, int] | None = None
        self._told_at: datetime | None = None

    def look(self, picture: Picture) -> Iterator[Line]:
        """What is new since the picture before."""
        yield from self._statement(picture)
        yield from self._openings(picture)
        yield from self._notice(picture)
        yield from self._failures(picture)
        if self._told_at is None or picture.now - self._told_at >= self._every:
            yield from self._progress(picture)

    def end(self, picture: Picture, how: Ending | None) -> Iterator[Line]:
        """The last counts, and how it went; None: it was not at its end."""
        yield from self._progress(picture)
        word = "not done yet" if how is None else how.value
        words = "nothing is announced" if picture.release is None else f"{word}: {_counts(picture)}"
        text = f"{_head(picture)}: {words}"
        yield Line(
            text, {"type": "end", "outcome": None if how is None else how.value, **picture_document(picture)}
        )

    def _statement(self, picture: Picture) -> Iterator[Line]:
        release, before = picture.release, self._release
        if release is None or release == before:
            return
        self._release = release
        if before is not None and before.digest != release.digest:
            self._codes.clear()
        words = release_words(release) if before is None else _changed(before, release)
        yield Line(f"{_head(picture)}: {words}", {"type": "statement", **picture_document(picture)})

    def _openings(self, picture: Picture) -> Iterator[Line]:
        # A wave that opens by the clock comes nearer with each second; that is no news.
        told = {wave.name: "later" if wave.opens_at else wave.how for wave in picture.waves}
        before, self._waves = self._waves, told
        for wave in picture.waves:
            if wave.name in before and before[wave.name] != told[wave.name]:
                text = f"{_head(picture)}: wave {wave.name or 'none'} is {wave.how}"
                if wave.opens_at:
                    text = f"{_head(picture)}: wave {wave.name} {wave.how}"
                yield Line(text, {"type": "wave", **wave_place(wave), **_place(picture)})

    def _notice(self, picture: Picture) -> Iterator[Line]:
        before, self._notices = self._notices, picture.notices
        for notice in picture.notices:
            if notice not in before:
                text = f"{_head(picture)}: {notice}"
                yield Line(text, {"type": "notice", "text": notice, **_place(picture)})

    def _failures(self, picture: Picture) -> Iterator[Line]:
        for failure in picture.failures:
            if failure.name in self._codes or len(self._codes) >= _CODES:
                continue
            self._codes.add(failure.name)
            text = f"{_head(picture)}: first seen: {failure.name}, {hosts(failure.hosts)}: {failure.reason}"
            code = None if failure.code is None else failure.code.value
            said = {"code": code, "hosts": failure.hosts, "reason": failure.reason}
            yield Line(text, {"type": "failure", **said, **_place(picture)})

    def _progress(self, picture: Picture) -> Iterator[Line]:
        now = (picture.totals, picture.silent_hosts)
        if picture.release is None or now == self._told:
            return
        self._told, self._told_at = now, picture.now
        loading = ", still loading" if picture.loading else ""
        speed = "" if picture.speed is None else f"; {speed_words(picture)}"
        text = f"{_head(picture)}: {_counts(picture)}{speed}{loading}"
        yield Line(text, {"type": "progress", **picture_document(picture)})


def release_words(release: Release) -> str:
    """What the channel holds, in words."""
    said = f"{release.version} is {release.state.value}, {short_digest(release.digest)}, {_signed(release)}"
    return "; ".join(filter(None, (said, release.led, release.asked)))


def _changed(before: Release, release: Release) -> str:
    """What a later statement says that the one before did not."""
    if (before.digest, before.version) != (release.digest, release.version):
        return release_words(release)
    parts = [
        f"it is {release.state.value}" if release.state is not before.state else "",
        _signed(release) if _signed(release) != _signed(before) else "",
        release.led if release.led != before.led else "",
        release.asked if release.asked != before.asked else "",
    ]
    return "; ".join(filter(None, parts)) or "said again"


def _signed(release: Release) -> str:
    who = " and ".join(release.signers) or "nobody"
    if release.trust is Trust.UNVERIFIED:
        return f"NOT VERIFIED, it claims to be signed by {who}"
    return f"signed by {who}, {release.trust.value}"


def _head(picture: Picture) -> str:
    sequence = "" if picture.release is None else f" #{picture.release.sequence}"
    return f"{clock(picture.now, picture.now)} {picture.channel}{sequence}"


def _counts(picture: Picture) -> str:
    whole, good = picture.counted, picture.count(Phase.SUCCEEDED)
    parts = [
        f"{count(good)} of {hosts(whole)} succeeded ({percent(good, whole)})",
        f"{count(picture.count(Phase.FAILED))} failed",
        *(f"{count(picture.count(phase))} {phase.value}" for phase in _UNDER_WAY if picture.count(phase)),
    ]
    if picture.silent_hosts:
        parts.append(f"{count(picture.silent_hosts)} silent")
    return ", ".join(parts)


def _place(picture: Picture) -> dict[str, Any]:
    return {"channel": picture.channel, "at": rfc3339(picture.now)}
