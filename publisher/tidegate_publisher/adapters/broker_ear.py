"""What hosts say and what is announced, from a real broker, over one MQTT session."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.session import PublisherSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_wire.mqtt.messages import Message
    from tidegate_wire.mqtt.settings import BusSettings


class BrokerEar:
    """See rollout.ports.Ear. The session does not outlive the connection, and reads while it is asked to.

    Args:
        settings: the brokers; another one of them is tried where one cannot be reached.
        filters: what to subscribe to.
    """

    def __init__(self, settings: BusSettings, filters: Sequence[str]) -> None:
        self._settings = settings
        self._filters = tuple(filters)
        self._session: PublisherSession | None = None

    def listen(self) -> None:
        """See Ear.listen."""
        self.close()
        self._session = PublisherSession(self._settings)
        self._session.__enter__()
        self._session.listen(self._filters)

    def hear(self, timeout_s: float) -> Sequence[Message]:
        """See Ear.hear."""
        if self._session is None:
            raise TidegateError(Code.BUS_UNREACHABLE, "Nobody listens to the broker now")
        return self._session.heard(timeout_s)

    def pause(self, seconds: float) -> None:
        """See Ear.pause."""
        self.close()
        threading.Event().wait(seconds)

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(None, None, None)
