"""One host's page, and its line in a list. PURE."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import clock, short_digest
from tidegate_fleet.watch.plain import distance, plain
from tidegate_fleet.watch.rows import SIGNS, TONES, Row, Tone, indented, row, title, wrapped
from tidegate_schemas.codes import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tidegate_fleet.hosts import Host
    from tidegate_fleet.standing import Standing
    from tidegate_fleet.watch.model import Watched
    from tidegate_schemas.status import FollowStatus, HostStatus

_LABEL: Final = 14
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
    words = f"  {'host':<{name}}{'state':<14}{'wave':<{wave}}{'broker':<9}{more}why"
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
        (f"{'online' if host.online else 'offline':<9}", Tone.PLAIN if host.online else Tone.WARN),
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


def host_page(watched: Watched, name: str, now: datetime, width: int) -> list[Row]:
    """Everything that is known of one host."""
    host = watched.fleet.hosts.get(name)
    if host is None:
        return [row((plain(name), Tone.TITLE), "  nothing is known of it")]
    return [
        row(
            (host.name, Tone.TITLE), "  ", _presence(host), (f"  heard {distance(host.heard, now)}", Tone.DIM)
        ),
        *_standing(watched, host, now, width),
        *_follows(host, now, width),
        *_inventory(host, now, width),
        title("EVENTS SEEN HERE"),
        *(_events(watched, host, now, width) or [row(("  none", Tone.DIM))]),
    ]


def _presence(host: Host) -> tuple[str, Tone]:
    if host.status is None:
        return "told no status", Tone.WARN
    return ("online", Tone.GOOD) if host.online else ("offline", Tone.WARN)


def _facts(pairs: Sequence[tuple[str, str]], width: int) -> list[Row]:
    rows = []
    for label, value in pairs:
        lines = wrapped(plain(value, 1000), max(20, width - _LABEL - 4)) if value else []
        for number, line in enumerate(lines):
            rows.append(row((f"  {'' if number else label:<{_LABEL}}", Tone.DIM), line))
    return rows


def _standing(watched: Watched, host: Host, now: datetime, width: int) -> list[Row]:
    progress = watched.progress
    place = None if progress is None else progress.place(host.name)
    if progress is None or place is None:
        return [title("THIS RELEASE"), row(("  the release is not meant for this host", Tone.DIM))]
    standing = progress.standing(host)
    facts = [("state", place[1].value), ("wave", place[0] or "none")]
    if standing is not None:
        facts += _standing_facts(standing, now)
    return [title("THIS RELEASE"), *_facts(facts, width)]


def _standing_facts(standing: Standing, now: datetime) -> list[tuple[str, str]]:
    code = standing.code
    return [
        ("step", standing.step.value + ("" if standing.percent is None else f" {standing.percent} %")),
        ("attempt", str(standing.attempt) if standing.attempt else ""),
        ("statement", f"#{standing.sequence}"),
        ("its clock", f"{clock(standing.at, now)}, told {distance(standing.heard, now)}"),
        ("waits for", standing.waiting_for or ""),
        ("until", "" if standing.until is None else f"{clock(standing.until, now)}"),
        ("code", "" if code is None else code.value),
        ("reason", standing.reason),
        ("do", "" if code is None else REGISTRY[code].remedy),
    ]


def _follows(host: Host, now: datetime, width: int) -> list[Row]:
    rows = [title("WHAT IT SAYS OF ITSELF")]
    if host.status is None:
        return [*rows, row(("  nothing yet", Tone.DIM))]
    for follow in host.status.follows:
        rows.append(row(f"  {plain(follow.product)}/{plain(follow.channel)} by {plain(follow.engine)}"))
        rows += map(indented, _facts(_follow_facts(follow, now), width - 2))
    return rows


def _follow_facts(follow: FollowStatus, now: datetime) -> list[tuple[str, str]]:
    return [
        ("runs", _image(follow.version, follow.current)),
        ("asked for", _image(follow.target_version, follow.target)),
        ("staged", "" if follow.staged is None else short_digest(follow.staged)),
        ("falls back to", "" if follow.previous is None else short_digest(follow.previous)),
        ("state", follow.state + (f" for {follow.waiting_for}" if follow.waiting_for else "")),
        ("held", follow.hold or ""),
        ("stale since", "" if follow.stale_since is None else clock(follow.stale_since, now)),
        ("quarantined", ", ".join(map(short_digest, follow.quarantined))),
        ("code", "" if follow.code is None else f"{follow.code.value} {follow.reason}"),
    ]


def _image(version: str | None, digest: str | None) -> str:
    return " ".join([version or "", "" if digest is None else short_digest(digest)]).strip()


def _inventory(host: Host, now: datetime, width: int) -> list[Row]:
    status = host.status
    if status is None:
        return []
    pairs = [("labels", ", ".join(f"{key}={value}" for key, value in sorted(status.labels.items())))]
    if status.inventory is not None:
        said = status.inventory
        pairs += [("os", said.os), ("kernel", said.kernel), ("machine", said.arch), ("agent", said.agent)]
    return [title("MACHINE"), *_facts([*pairs, *_health(status, now)], width)]


def _health(status: HostStatus, now: datetime) -> list[tuple[str, str]]:
    fault, trust = status.fault, status.trust
    return [
        ("its clock", f"{clock(status.at, now)} when it last told its status"),
        ("fault", "" if fault is None else f"{fault.code.value} {fault.reason}"),
        ("trust", "" if trust is None else "; ".join([trust.reason, *trust.warnings]).strip("; ")),
        ("events lost", str(status.events_dropped) if status.events_dropped else ""),
        ("device key", status.device_key or ""),
    ]


def _events(watched: Watched, host: Host, now: datetime, width: int) -> list[Row]:
    rows = []
    for event in watched.events_of(host.name):
        step = event.step.value + ("" if event.percent is None else f" {event.percent} %")
        code = "" if event.code is None else f" [{event.code.value}]"
        sequence = "" if event.sequence is None else f" #{event.sequence}"
        tone = Tone.PLAIN if event.code is None else Tone.BAD
        rows.append(row((f"  {clock(event.heard, now)} ", Tone.DIM), (f"{step}{sequence}{code}", tone)))
        reasons = wrapped(event.reason, max(20, width - 6)) if event.reason else []
        rows += [row((f"      {line}", Tone.DIM)) for line in reasons]
    return rows
