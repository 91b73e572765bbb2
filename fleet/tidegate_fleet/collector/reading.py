"""Messages to words, or to why they are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tidegate_fleet.history import StatementRecord
from tidegate_fleet.refusal import Refusal
from tidegate_fleet.store.rows import Word, is_storable
from tidegate_fleet.words import RefusedEvent, read_host_message
from tidegate_schemas import limits
from tidegate_schemas.codes import TidegateError
from tidegate_wire.trust.describe import describe_message

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.words import EventCheck
    from tidegate_schemas.statement import ChannelStatement
    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.messages import Message


class StatementCheck(Protocol):
    """Knows who may sign statements."""

    def verify(self, message: bytes, product: str, channel: str) -> tuple[ChannelStatement, tuple[str, ...]]:
        """What a message says, and who signed it, in words. Raises TidegateError: not these signers."""
        ...


class MessageReader:
    """Reads what comes from the broker. Nothing about it is trusted.

    Args:
        topics: the topics in use.
        events: the device keys; without them events are taken at their word.
        statements: who may sign; without it statements are taken at their word.
    """

    def __init__(
        self, topics: Topics, events: EventCheck | None = None, statements: StatementCheck | None = None
    ) -> None:
        self._topics = topics
        self._events = events
        self._statements = statements

    def read(self, message: Message, now: datetime) -> Word | Refusal | None:
        """Read a message; None when it says nothing: a channel or host that was cleared."""
        if not message.payload:
            return None
        place = self._topics.parse_channel(message.topic)
        if place is not None:
            return self._statement(message, place, now)
        heard = read_host_message(message, self._topics, self._events)
        if isinstance(heard, RefusedEvent):
            return Refusal.UNSIGNED
        if heard is None:
            return Refusal.MALFORMED
        return heard if is_storable(heard) else Refusal.UNSTORABLE

    def _statement(
        self, message: Message, place: tuple[str, str], now: datetime
    ) -> StatementRecord | Refusal:
        if len(message.payload) > limits.STATEMENT_BYTES:
            return Refusal.MALFORMED
        try:
            if self._statements is None:
                return _claimed(message.payload, place, now)
            statement, signers = self._statements.verify(message.payload, *place)
        except TidegateError:
            return Refusal.MALFORMED if self._statements is None else Refusal.UNSIGNED
        return StatementRecord(statement, now, verified=True, signers=signers)


def _claimed(payload: bytes, place: tuple[str, str], now: datetime) -> StatementRecord | Refusal:
    """What an unverified statement says, if it speaks of the channel on which it stands."""
    said = describe_message(payload)[0].statement
    if said is None or (said.predicate.product, said.predicate.channel) != place:
        return Refusal.MALFORMED
    return StatementRecord(said, now, verified=False)
