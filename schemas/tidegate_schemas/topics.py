"""The topic grammar, spelled in this one place.

`{prefix}/channels/{product}/{channel}` · `{prefix}/hosts/{host}/status|will|events|requests`
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tidegate_schemas import limits
from tidegate_schemas.base import HOST_PATTERN, NAME_PATTERN
from tidegate_schemas.codes import Code, TidegateError

DEFAULT_PREFIX: Final = "tidegate/v1"

_NAME: Final = re.compile(NAME_PATTERN)
_HOST: Final = re.compile(HOST_PATTERN)


class TopicError(TidegateError):
    """A name that cannot be part of a topic."""


def check_host(host: str) -> str:
    """Return a host id that is safe as one topic level; raise TopicError(HOST_ID) for any other.

    Wildcards, slashes and control characters in an id would let one host speak for others
    (an ACL's `%c` must be a whole level), hence an allow-list rather than a list of bad ones.
    """
    if not _HOST.fullmatch(host):
        raise TopicError(Code.HOST_ID, f"{host[:80]!r} cannot be a host id")
    return host


def check_name(what: str, name: str) -> str:
    """Return a product or channel name that is one topic level; raise TopicError otherwise."""
    if not _NAME.fullmatch(name):
        raise TopicError(Code.TOPIC_INVALID, f"{name[:80]!r} cannot be a {what} name")
    return name


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics below one prefix."""

    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        levels = self.prefix.split("/")
        if not all(_HOST.fullmatch(level) for level in levels):
            raise TopicError(Code.TOPIC_INVALID, f"{self.prefix[:80]!r} cannot be a topic prefix")
        # The longest topic adds three levels to the prefix.
        if len(levels) - 1 + 3 > limits.TOPIC_SLASHES:
            raise TopicError(Code.TOPIC_INVALID, f"the prefix {self.prefix[:80]!r} has too many levels")

    def channel(self, product: str, channel: str) -> str:
        """Where a channel's statement is retained."""
        return f"{self.prefix}/channels/{check_name('product', product)}/{check_name('channel', channel)}"

    def status(self, host: str) -> str:
        """Where a host's presence and state are retained."""
        return f"{self.prefix}/hosts/{check_host(host)}/status"

    def will(self, host: str) -> str:
        """Where the broker retains a host's last will, beside what the host told before it vanished."""
        return f"{self.prefix}/hosts/{check_host(host)}/will"

    def events(self, host: str) -> str:
        """Where a host tells each step of an update."""
        return f"{self.prefix}/hosts/{check_host(host)}/events"

    def requests(self, host: str) -> str:
        """Where signed requests to one host are sent."""
        return f"{self.prefix}/hosts/{check_host(host)}/requests"

    @property
    def all_channels(self) -> str:
        """A filter for every channel statement."""
        return f"{self.prefix}/channels/+/+"

    @property
    def all_events(self) -> str:
        """A filter for the events of all hosts."""
        return f"{self.prefix}/hosts/+/events"

    @property
    def all_status(self) -> str:
        """A filter for the status of all hosts."""
        return f"{self.prefix}/hosts/+/status"

    @property
    def all_presence(self) -> tuple[str, str]:
        """Filters for the status and the last will of all hosts: one without the other tells half."""
        return self.all_status, f"{self.prefix}/hosts/+/will"

    def parse_channel(self, topic: str) -> tuple[str, str] | None:
        """The product and channel that a topic speaks of, or None when it is no channel topic."""
        head = f"{self.prefix}/channels/"
        if not topic.startswith(head):
            return None
        names = topic.removeprefix(head).split("/")
        match names:
            case [product, channel] if _NAME.fullmatch(product) and _NAME.fullmatch(channel):
                return product, channel
        return None

    def parse_host(self, topic: str) -> tuple[str, str] | None:
        """The host and leaf (`status`, `will`, `events`, `requests`) of a host's topic, or None."""
        head = f"{self.prefix}/hosts/"
        if not topic.startswith(head):
            return None
        match topic.removeprefix(head).split("/"):
            case [host, ("status" | "will" | "events" | "requests") as leaf] if _HOST.fullmatch(host):
                return host, leaf
        return None
