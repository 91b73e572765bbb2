"""Requests and their answers on a real broker, through one MQTT session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_fleet.words import HostEvent, RefusedEvent, read_host_message
from tidegate_schemas.export import BUNDLE_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_fleet.words import EventCheck
    from tidegate_publisher.ports import Progress
    from tidegate_schemas.events import UpdateEvent
    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.messages import Message
    from tidegate_wire.mqtt.session import PublisherSession


class BrokerLine:
    """See request_ports.RequestLine.

    Args:
        session: an open session.
        topics: how topics are spelled.
        timeout_s: how long an acknowledgement may take, in seconds.
        check: the hosts' device keys; None believes the broker about who answers.
        progress: told of answers that do not count.
    """

    def __init__(
        self,
        session: PublisherSession,
        topics: Topics,
        timeout_s: float,
        check: EventCheck | None,
        progress: Progress,
    ) -> None:
        self._session = session
        self._topics = topics
        self._timeout_s = timeout_s
        self._check = check
        self._progress = progress

    def answers(self, hosts: Sequence[str], wait_s: float) -> Iterator[UpdateEvent]:
        """See request_ports.RequestLine.answers."""
        stream = self._session.stream([self._topics.events(host) for host in hosts], wait_s)
        return self._events(stream)

    def send(self, host: str, bundle: bytes) -> None:
        """See request_ports.RequestLine.send."""
        topic = self._topics.requests(host)
        self._session.publish(topic, bundle, content_type=BUNDLE_TYPE, timeout_s=self._timeout_s)

    def _events(self, stream: Iterator[Message]) -> Iterator[UpdateEvent]:
        refused: set[str] = set()
        for message in stream:
            heard = read_host_message(message, self._topics, self._check)
            if isinstance(heard, HostEvent):
                yield heard.event
            elif isinstance(heard, RefusedEvent) and heard.host not in refused:
                refused.add(heard.host)
                self._progress.note(f"what {heard.host} says does not count: {heard.reason}")
