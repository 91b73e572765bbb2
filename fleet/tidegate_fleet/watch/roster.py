"""Which hosts are listed, and in which order. PURE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.picture import NO_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tidegate_fleet.hosts import Host
    from tidegate_fleet.progress import Progress
    from tidegate_fleet.watch.model import Watched

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which hosts are listed. What is None or empty does not narrow.

    Attributes:
        wave: those in this wave (`progress.NO_WAVE`: in none).
        phase: those in this phase.
        failed: those that failed with this code, or with `NO_CODE`.
        silent: those that are silent.
        text: part of the name, in any case.
    """

    wave: str | None = None
    phase: Phase | None = None
    failed: str | None = None
    silent: bool = False
    text: str = ""

    @property
    def words(self) -> str:
        """What is listed, for a heading."""
        parts = [
            "silent" if self.silent else "",
            "" if self.phase is None else self.phase.value,
            "" if self.failed is None else f"failed: {self.failed}",
            "" if self.wave is None else ("in no wave" if self.wave == NO_WAVE else f"wave {self.wave}"),
        ]
        return ", ".join(part for part in parts if part) or "all hosts"

    def next_phase(self) -> Filter:
        """The same with the next phase; after the last with any."""
        return replace(self, phase=_next(self.phase, list(Phase)), failed=None, silent=False)

    def next_wave(self, waves: Sequence[str]) -> Filter:
        """The same with the next of these waves; after the last with any."""
        return replace(self, wave=_next(self.wave, waves))


def waves_of(watched: Watched) -> list[str]:
    """The waves of what is watched, and none, as a filter names them."""
    if watched.progress is None:
        return []
    waves = watched.progress.statement.predicate.rollout.waves
    return [*(wave.name for wave in waves), NO_WAVE] if waves else []


def listed(watched: Watched, wanted: Filter, now: datetime) -> list[str]:
    """The names of the hosts, sorted."""
    names = (host.name for host in _found(watched, wanted, now))
    part = wanted.text.casefold()
    return sorted(name for name in names if part in name.casefold()) if part else sorted(names)


def _found(watched: Watched, wanted: Filter, now: datetime) -> Iterable[Host]:
    progress = watched.progress
    if progress is None:
        return watched.fleet.hosts.values()
    if wanted.silent:
        hosts: Iterable[Host] = watched.silent(now)
    elif wanted.failed is not None:
        hosts = _failed(watched, progress, wanted.failed)
    elif wanted.phase is None and wanted.wave is None:
        # Who searches for a name wants to find it, whatever the host follows.
        return watched.fleet.hosts.values()
    else:
        return progress.hosts(*(() if wanted.phase is None else (wanted.phase,)), wave=wanted.wave)
    return (host for host in hosts if _is_in(progress, host, wanted))


def _failed(watched: Watched, progress: Progress, code: str) -> Iterable[Host]:
    for known, failures in progress.failures.items():
        if code == (NO_CODE if known is None else known.value):
            yield from (watched.fleet.hosts[name] for name in failures.hosts)


def _is_in(progress: Progress, host: Host, wanted: Filter) -> bool:
    place = progress.place(host.name)
    return place is not None and wanted.wave in {None, place[0]} and wanted.phase in {None, place[1]}


def _next(value: T | None, values: Sequence[T]) -> T | None:
    if value is None or value not in values:
        return values[0] if values else None
    after = values.index(value) + 1
    return values[after] if after < len(values) else None
