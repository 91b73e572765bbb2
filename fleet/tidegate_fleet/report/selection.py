"""Which release a report is about. PURE: it asks the History port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidegate_fleet.acts import acts
from tidegate_fleet.history import PAGE, ReleaseKey
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.acts import Act
    from tidegate_fleet.history import ReleaseRecord
    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.report.asked import ReleaseHistory

_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which release of a channel is asked for; what is None does not narrow. Nothing: the newest."""

    digest: str | None = None
    version: str | None = None
    sequence: int | None = None

    def __str__(self) -> str:
        """In words: what comes after "release"."""
        told = [
            f"{word} {value}"
            for word, value in (
                ("with digest", self.digest),
                ("with version", self.version),
                ("with sequence", self.sequence),
            )
            if value is not None
        ]
        return " and ".join(told)


def select(
    history: ReleaseHistory, channel: Channel, wanted: Wanted
) -> tuple[ReleaseRecord, ReleaseRecord | None]:
    """The release that is asked for, and the one before it on the channel.

    Raises:
        TidegateError: REPORT_NO_RELEASE; the sentence says which there are. STORE_* from the history.
    """
    known = releases_of(history, channel)
    found = [place for place, record in enumerate(known) if _matches(history, record, wanted)]
    if not found and wanted.digest is not None and (wanted.version, wanted.sequence) == (None, None):
        # Older than a page of releases, or without any host yet: the store knows it by its key.
        record = history.release(ReleaseKey(*channel, wanted.digest))
        if record is not None:
            return record, None
    if not found:
        raise TidegateError(Code.REPORT_NO_RELEASE, none_such(channel, wanted, known))
    place = found[0]
    return known[place], known[place + 1] if place + 1 < len(known) else None


def releases_of(
    history: ReleaseHistory, channel: Channel, limit: int = PAGE["most"]
) -> tuple[ReleaseRecord, ...]:
    """The releases of a channel, the newest first."""
    known = history.releases(limit, channel)
    return tuple(sorted(known, key=lambda record: record.first, reverse=True))


def _matches(history: ReleaseHistory, record: ReleaseRecord, wanted: Wanted) -> bool:
    if wanted.digest not in {None, record.key.digest} or wanted.version not in {None, record.version}:
        return False
    return wanted.sequence is None or any(
        act.record.statement.predicate.sequence <= wanted.sequence < _after(act)
        for act in acts(history.statements(record.key))
    )


def _after(act: Act) -> int:
    """The sequence after the last statement of an act: of heartbeats in a row not all are kept."""
    return act.record.statement.predicate.sequence + act.count


def none_such(channel: Channel, wanted: Wanted, known: Sequence[ReleaseRecord]) -> str:
    """In a sentence: there is no such release, and which ones there are."""
    name = "/".join(channel)
    if not known:
        return f"Nothing was collected about any release of {name}"
    those = ", ".join(f"{record.version} ({record.key.digest[:19]}…)" for record in known[:_NAMED])
    more = f" and {len(known) - _NAMED} older ones" if len(known) > _NAMED else ""
    return f"Nothing was collected about a release of {name} {wanted}; there are {those}{more}"
