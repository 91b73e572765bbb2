"""What the agent's commands print for people. PURE: from messages to lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.plaintext import one_line
from tidegate_agent.sentences import sentence
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tidegate_agent.windows import Opening
    from tidegate_schemas.events import UpdateEvent
    from tidegate_schemas.status import FollowStatus, HostStatus, TrustStatus

DIGEST_SHOWN = 19
"""Characters of a digest that people compare: `sha256:` and twelve hex digits."""


def short(digest: str | None) -> str:
    """A digest in the length that people compare."""
    return "none" if digest is None else digest[:DIGEST_SHOWN]


def status_lines(status: HostStatus, *, running: bool, broker: str | None = None) -> Iterator[str]:
    """The host at a glance: what runs, what waits, for what, until when; `broker` is why it is offline."""
    presence = status.presence.value if running else "the agent is not running; this is its journal"
    yield one_line(f"host {status.host}: {presence}" + (f": {broker}" if broker else ""))
    if status.fault is not None:
        yield one_line(f"  nothing is done for now: [{status.fault.code}] {status.fault.reason}")
    for follow in status.follows:
        yield from map(one_line, _follow_lines(follow))
    if status.trust is not None:
        yield from map(one_line, _trust_lines(status.trust))


def _follow_lines(follow: FollowStatus) -> Iterator[str]:
    yield f"  {follow.product}/{follow.channel}: {follow.state}"
    yield f"    runs      {_image(follow.current, follow.version)}"
    if follow.target not in (None, follow.current):
        yield f"    target    {_image(follow.target, follow.target_version)}"
    if follow.staged:
        yield f"    staged    {short(follow.staged)}"
    if follow.previous:
        yield f"    previous  {short(follow.previous)}"
    if (words := sentence(follow)) is not None:
        yield f"    {words}"
    yield from _reason_lines(follow)
    if follow.hold:
        yield f"    {follow.hold}; tidegate-agent resume lifts it"
    if follow.stale_since:
        yield f"    stale since {rfc3339(follow.stale_since)}: no newer statement came"
    for digest in follow.quarantined:
        yield f"    quarantined {short(digest)}"
    if follow.refused:
        messages = "message" if follow.refused == 1 else "messages"
        yield f"    {follow.refused} {messages} refused since the agent started: see tidegate-agent history"


def _trust_lines(trust: TrustStatus) -> Iterator[str]:
    until = f", good until {trust.expires:%Y-%m-%d}" if trust.expires else ""
    yield f"  trusted root: {short(trust.root_digest)}{until}"
    if trust.refreshed_at:
        yield f"    refreshed {rfc3339(trust.refreshed_at)}"
    if trust.code:
        yield f"    because   [{trust.code}] {trust.reason}"
    for warning in trust.warnings:
        yield f"    warning   {warning}"


def _reason_lines(follow: FollowStatus) -> Iterator[str]:
    if follow.sequence is None:
        yield "    no statement of this channel was accepted yet"
    if follow.waiting_for:
        until = f" (until {follow.until:%Y-%m-%d %H:%M:%S}Z)" if follow.until else ""
        yield f"    waits for {follow.waiting_for}: {follow.reason}{until}"
    elif follow.reason:
        code = f"[{follow.code}] " if follow.code else ""
        yield f"    because   {code}{follow.reason}"
    if follow.waiting_for == "window":
        yield "    tidegate-agent approve --now does not wait for it"
    if follow.waiting_for == "sessions":
        yield "    tidegate-agent snooze puts it off"


def _image(digest: str | None, version: str | None) -> str:
    return f"{short(digest)} {version}" if version else short(digest)


def history_line(event: UpdateEvent) -> str:
    """One event on one line."""
    data = event.data
    digest = short(data.digest) if data.digest else None
    channel = f"{data.product}/{data.channel}" if data.product else None
    what = " ".join(filter(None, (channel, data.version, digest)))
    percent = f" {data.percent} %" if data.percent is not None else ""
    code = f" [{data.code}]" if data.code else ""
    reason = f" {data.reason}" if data.reason else ""
    return one_line(f"{event.time:%Y-%m-%d %H:%M:%S}Z  {data.step:<13}{what}{percent}{code}{reason}")


def opening_line(opening: Opening, zone: ZoneInfo, now: datetime) -> str:
    """One window: when it opens and closes, in the host's zone and in UTC."""
    opens = f"{opening.opens.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"
    closes = "with no end in sight"
    if opening.closes is not None:
        closes = f"until {opening.closes.astimezone(zone):%a %H:%M %Z}"
    state = "open now, " if opening.opens <= now else ""
    elsewhere = "" if zone.key == "UTC" else f" (opens {opening.opens:%Y-%m-%dT%H:%M}Z)"
    return f"{state}{opens} {closes}{elsewhere}"
