"""One host's page. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import clock, short_digest
from tidegate_fleet.watch.plain import distance, plain
from tidegate_fleet.watch.rows import Row, Tone, indented, row, title, wrapped
from tidegate_schemas.codes import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tidegate_fleet.hosts import Host
    from tidegate_fleet.standing import Standing
    from tidegate_fleet.watch.model import Watched
    from tidegate_schemas.status import FollowStatus, HostStatus

_LABEL: Final = 14


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
    facts = [("phase", place[1].value), ("wave", place[0] or "none")]
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
