"""What happened, in the form in which it is sent to those who watch. PURE."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tidegate_fleet.harmless import REASON, harmless
from tidegate_fleet.hosts import Channel
from tidegate_fleet.web.ascii_json import to_ascii

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.history import EventRecord

SINGLY: Final = 20
"""Events of one moment that are sent one by one; more are counted."""

_RELEASES: Final = 20


@dataclass(frozen=True, slots=True)
class Interest:
    """What somebody watches: everything, one host, or one channel."""

    host: str | None = None
    channel: Channel | None = None

    def covers(self, record: EventRecord) -> bool:
        """Whether an event is of interest."""
        said = record.event.data
        return self.host in {None, record.event.subject} and self.channel in {
            None,
            (said.product, said.channel),
        }


def tell(records: Sequence[EventRecord], newest: int, interest: Interest) -> bytes:
    """Events as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

    Args:
        records: events in their order.
        newest: the number up to which all has been looked at: where a reader who comes back goes on.
        interest: what of them counts.

    Returns:
        A few messages `event`, or one `counts` when there are many; empty when none is of interest.
    """
    told = [record for record in records if interest.covers(record)]
    if len(told) > SINGLY:
        return _message("counts", _counts(told), newest)
    return b"".join(_message("event", _brief(record), record.number) for record in told)


def tell_fleet(hosts: int, online: int, events: int) -> bytes:
    """The message `fleet`: its numbers, when one of them has changed."""
    return _message("fleet", {"hosts": hosts, "online": online, "events": events}, None)


def tell_gap(newest: int) -> bytes:
    """The message `gap`: more happened than is told; whoever shows something should ask for it anew."""
    return _message("gap", {"newest": newest}, newest)


def _message(name: str, content: dict[str, Any], number: int | None) -> bytes:
    place = b"" if number is None else f"id: {number}\n".encode()
    return place + f"event: {name}\n".encode() + b"data: " + to_ascii(content) + b"\n\n"


def _brief(record: EventRecord) -> dict[str, Any]:
    said = record.event.data
    content = {
        "number": record.number,
        "heard": record.heard.isoformat(),
        "verified": record.verified,
        "host": record.event.subject,
        "product": said.product,
        "channel": said.channel,
        "step": said.step,
        "digest": said.digest,
        "version": said.version,
        "code": said.code,
        "reason": harmless(said.reason, REASON),
    }
    return {name: value for name, value in content.items() if value not in {None, ""}}


def _counts(records: Sequence[EventRecord]) -> dict[str, Any]:
    steps: Counter[str] = Counter(record.event.data.step for record in records)
    releases = Counter(
        (said.product, said.channel, said.digest)
        for said in (record.event.data for record in records)
        if said.digest is not None
    )
    return {
        "events": len(records),
        "first": records[0].number,
        "last": records[-1].number,
        "steps": dict(steps),
        "releases": [
            {"product": product, "channel": channel, "digest": digest, "events": events}
            for (product, channel, digest), events in releases.most_common(_RELEASES)
        ],
    }
