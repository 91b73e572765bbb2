"""What is said over one connection: messages for the listener, and which publication each PUBACK is for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_wire.mqtt import failures

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.reasoncodes import ReasonCode

    from tidegate_agent.model import Outgoing
    from tidegate_agent.ports import BusListener
    from tidegate_wire.mqtt.endpoint import Endpoint
    from tidegate_wire.mqtt.failures import BusError
    from tidegate_wire.mqtt.messages import Message


class Conversation:
    """Hears a link (`LinkListener`) and turns packet ids back into tokens.

    A PUBACK can be faster than the return of the publish() that it answers, so `on_ack` (the bus's thread)
    and `sent` (the publisher's) may come in either order.

    Args:
        listener: who hears it.
        endpoint: the broker, for messages to people.
        monotonic: seconds, to tell how long an answer is overdue.
    """

    def __init__(
        self, listener: BusListener, endpoint: Endpoint, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._listener = listener
        self._endpoint = endpoint
        self._monotonic = monotonic
        self._waiting_since = 0.0
        self._changed = threading.Condition()
        self._sent: dict[int, Outgoing] = {}
        self._early: dict[int, ReasonCode | None] = {}
        self._refused_topics: set[str] = set()

    def on_message(self, message: Message) -> None:
        """Pass a message on."""
        self._listener.received(message.topic, message.payload, retained=message.retained)

    def on_ack(self, mid: int, refusal: ReasonCode | None) -> None:
        """Pass an acknowledgement on, if it is known for what."""
        with self._changed:
            self._waiting_since = self._monotonic()
            message = self._sent.pop(mid, None)
            if message is None:
                self._early[mid] = refusal
                return
            self._changed.notify_all()
        self._settle(message, refusal)

    def sent(self, mid: int, message: Outgoing) -> None:
        """Remember what a packet id stands for."""
        with self._changed:
            if mid not in self._early:
                if not self._sent:
                    self._waiting_since = self._monotonic()
                self._sent[mid] = message
                return
            refusal = self._early.pop(mid)
        self._settle(message, refusal)

    def refuse(self, message: Outgoing, error: BusError) -> None:
        """This broker would not take a message: it was not sent."""
        self._complain(message, error)
        self._listener.refused(message.token)

    @property
    def unanswered_s(self) -> float:
        """For how long nothing was acknowledged, though something waits for it; 0 when nothing does."""
        with self._changed:
            return self._monotonic() - self._waiting_since if self._sent else 0.0

    def wait(self, mid: int, timeout_s: float) -> bool:
        """Wait for a PUBACK, from another thread than the bus's. False when it did not come in time."""
        with self._changed:
            return self._changed.wait_for(lambda: mid not in self._sent, timeout_s)

    def _settle(self, message: Outgoing, refusal: ReasonCode | None) -> None:
        if refusal is None:
            self._listener.acknowledged(message.token)
            return
        self._complain(message, failures.from_puback(refusal, message.topic, self._endpoint))
        self._listener.refused(message.token)

    def _complain(self, message: Outgoing, error: BusError) -> None:
        # A broken ACL refuses every event: once for each connection is enough.
        if message.topic not in self._refused_topics:
            self._refused_topics.add(message.topic)
            logger.error("{} [{}]", error.reason, error.code)
