"""How what hosts say is shown: a line for a person, or a JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.output import printable
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_fleet.words import HostEvent, RefusedEvent
    from tidegate_publisher.output import Output
    from tidegate_schemas.status import FollowStatus, HostStatus

HOSTS_TOLD: Final = 1000
"""Hosts whose refusals are shown. Who can write to any host's topic must not fill the reader's disk."""


def show_event(heard: HostEvent, output: Output) -> None:
    """One event."""
    output.text(_line(heard), _document(heard))


def show_status(status: HostStatus, follow: FollowStatus, output: Output) -> None:
    """Tell by which word a host was counted, where there may have been no event."""
    if output.as_json:
        said = follow.model_dump(mode="json", exclude_none=True)
        output.line({"host": status.host, "at": rfc3339(status.at), "follow": said})
        return
    code = f" [{follow.code.value}] {follow.reason}" if follow.code else ""
    output.note(f"{status.host} says that it stands at #{follow.sequence}: {follow.state}{code}")


class Refusals:
    """Tells of refused events: the first of each host.

    Attributes:
        count: how many there were in all.
    """

    def __init__(self, output: Output) -> None:
        self.count = 0
        self._output = output
        self._told: set[str] = set()

    def take(self, refused: RefusedEvent) -> None:
        """Count one, and show it if it is its host's first."""
        self.count += 1
        if refused.host in self._told or len(self._told) >= HOSTS_TOLD:
            return
        self._told.add(refused.host)
        if self._output.as_json:
            document = {"host": refused.host, "code": Code.EVENT_SIGNATURE.value, "reason": refused.reason}
            self._output.line(document)
        else:
            self._output.warn(
                f"{refused.host}: an event does not count: {refused.reason} [{Code.EVENT_SIGNATURE}]"
            )


def _document(heard: HostEvent) -> dict[str, Any]:
    document = heard.event.model_dump(mode="json", exclude_none=True)
    # Always ours: an event may hold fields that this version does not know, and one of that name would lie.
    document["signature"] = {"state": _state(heard)} | ({"keyid": heard.key_id} if heard.key_id else {})
    return document


def _state(heard: HostEvent) -> str:
    if heard.verified:
        return "verified"
    return "none" if heard.key_id is None else "not checked"


def _line(heard: HostEvent) -> str:
    event, data = heard.event, heard.event.data
    parts = [
        rfc3339(event.time),
        f"{event.subject:<20}",
        f"{data.product}/{data.channel}" if data.product else "",
        f"#{data.sequence}" if data.sequence else "",
        f"{data.step.value}{f' {data.percent} %' if data.percent is not None else ''}",
        f"[{data.code.value}]" if data.code else "",
        data.reason,
        "" if heard.key_id is None else f"(signature {_state(heard)})",
    ]
    return printable("  ".join(part for part in parts if part)).replace("\n", " ")
