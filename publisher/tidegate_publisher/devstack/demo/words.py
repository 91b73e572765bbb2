"""Observations in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.output import printable

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_schemas.events import UpdateData
    from tidegate_schemas.status import FollowStatus, HostStatus


def step_words(data: UpdateData) -> str:
    """What happened: `v2 waiting for window`."""
    release = f"v{data.version} " if data.version else "message "
    percent = f" {data.percent} %" if data.percent is not None else ""
    waiting = f" for {data.waiting_for}" if data.waiting_for else ""
    return printable(f"{release}{data.step.value}{percent}{waiting}")


def why_words(data: UpdateData) -> str:
    """Why it happened, on one line."""
    code = f"[{data.code.value}] " if data.code else ""
    return " ".join(printable(f"{code}{data.reason}").split())


def status_words(status: HostStatus, versions: dict[str, str], now: datetime) -> list[tuple[str, str]]:
    """What the host says of itself, in labelled rows.

    Args:
        status: the newest one.
        versions: how to call a digest.
        now: the present moment, for the time until a window.
    """
    rows = [("host", f"{status.host}, {status.presence.value}")]
    for follow in status.follows:
        rows += _follow_rows(follow, versions, now)
    return [(label, printable(text)) for label, text in rows]


def _follow_rows(follow: FollowStatus, versions: dict[str, str], now: datetime) -> list[tuple[str, str]]:
    def call(digest: str | None) -> str:
        return "none" if digest is None else versions.get(digest, digest[:19])

    wait = f", waits for {follow.waiting_for}" if follow.waiting_for else ""
    if follow.until is not None:
        left = max(0.0, (follow.until - now).total_seconds())
        wait += f" until {follow.until:%H:%M:%S} UTC (in {left:.0f} s)"
    code = f" [{follow.code.value}]" if follow.code else ""
    images = f"current {call(follow.current)}, staged {call(follow.staged)}, previous {call(follow.previous)}"
    quarantined = ", ".join(map(call, follow.quarantined)) or "none"
    return [
        (
            f"{follow.product}/{follow.channel}",
            f"v{follow.target_version} {follow.state}{code}{wait}"
            if follow.target_version
            else follow.state + wait,
        ),
        ("images", f"{images}, quarantined {quarantined}"),
        ("refused", "1 message" if follow.refused == 1 else f"{follow.refused} messages"),
    ]
