"""Ports with somebody who looks on: each does what the one behind it does, and tells of it.

The composition root puts them in where metrics are wanted; without, nothing of this is there. Whoever looks
on must be quick, must not raise, and may be called on any thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, cast

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_agent.model import (
        Activation,
        Capabilities,
        Failure,
        Follow,
        ImageStatus,
        ImageTarget,
        Outgoing,
        StageProgress,
        StageResult,
        Verdict,
    )
    from tidegate_agent.model import Protocol as MqttProtocol
    from tidegate_agent.ports import Bus, BusListener, ImageEngine, Journal, Verifier
    from tidegate_agent.records import Change


class Observer(Protocol):
    """Who looks on."""

    def connected(self) -> None:
        """A connection to the broker is up."""
        ...

    def disconnected(self, code: Code) -> None:
        """It is down, or could not be made."""
        ...

    def received(self, size: int) -> None:
        """A message of so many bytes came."""
        ...

    def verified(self, what: str, code: Code | None, seconds: float) -> None:
        """A verification took so long; `code` says why nothing came of it, None that it was genuine."""
        ...

    def committed(self, change: Change) -> None:
        """This is on disk now."""
        ...

    def fetched(self, follow: Follow, size: int) -> None:
        """So many bytes more of an image came."""
        ...


class ObservedBus:
    """See ports.Bus."""

    def __init__(self, bus: Bus, observer: Observer) -> None:
        self._bus = bus
        self._observer = observer

    def start(self, listener: BusListener, will: Callable[[], Outgoing]) -> None:
        """See Bus.start."""
        self._bus.start(ObservedListener(listener, self._observer), will)

    def publish(self, message: Outgoing) -> bool:
        """See Bus.publish."""
        return self._bus.publish(message)

    def resubscribe(self) -> None:
        """See Bus.resubscribe."""
        self._bus.resubscribe()

    def mute(self, topics: Sequence[str]) -> None:
        """See Bus.mute."""
        self._bus.mute(topics)

    def stop(self, farewell: Outgoing | None) -> None:
        """See Bus.stop."""
        self._bus.stop(farewell)


class ObservedListener:
    """See ports.BusListener."""

    def __init__(self, listener: BusListener, observer: Observer) -> None:
        self._listener = listener
        self._observer = observer

    def connected(self, protocol: MqttProtocol) -> None:
        """See BusListener.connected."""
        self._observer.connected()
        self._listener.connected(protocol)

    def disconnected(self, failure: Failure) -> None:
        """See BusListener.disconnected."""
        self._observer.disconnected(failure.code)
        self._listener.disconnected(failure)

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """See BusListener.received."""
        self._observer.received(len(payload))
        self._listener.received(topic, payload, retained=retained)

    def acknowledged(self, token: int) -> None:
        """See BusListener.acknowledged."""
        self._listener.acknowledged(token)

    def refused(self, token: int) -> None:
        """See BusListener.refused."""
        self._listener.refused(token)


class ObservedVerifier:
    """See ports.Verifier.

    Args:
        verifier: who verifies.
        observer: who looks on.
        what: statements are, in one word.
    """

    def __init__(self, verifier: Verifier, observer: Observer, what: str = "statement") -> None:
        self._verifier = verifier
        self._observer = observer
        self._what = what

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """See Verifier.verify."""
        return self._timed(self._what, lambda: self._verifier.verify(follow, payload))

    def verify_request(self, payload: bytes) -> Verdict:
        """See Verifier.verify_request."""
        return self._timed("request", lambda: self._verifier.verify_request(payload))

    def _timed(self, what: str, call: Callable[[], Verdict]) -> Verdict:
        began = time.monotonic()
        try:
            verdict = call()
        except Exception as error:
            code = error.code if isinstance(error, TidegateError) else Code.VERIFY_FAILED
            self._observer.verified(what, code, time.monotonic() - began)
            raise
        self._observer.verified(what, None, time.monotonic() - began)
        return verdict


class ObservedEngine:
    """See ports.ImageEngine."""

    def __init__(self, engine: ImageEngine, follow: Follow, observer: Observer) -> None:
        self._engine = engine
        self._follow = follow
        self._observer = observer

    def status(self) -> ImageStatus:
        """See ImageEngine.status."""
        return self._engine.status()

    def capabilities(self) -> Capabilities:
        """See ImageEngine.capabilities."""
        return self._engine.capabilities()

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See ImageEngine.stage."""
        told = 0

        def count(fetched: int) -> None:
            nonlocal told
            if fetched > told:
                self._observer.fetched(self._follow, fetched - told)
                told = fetched

        def tell(at: StageProgress) -> None:
            count(at.bytes_fetched)
            progress(at)

        result = self._engine.stage(target, tell, cancelled)
        count(result.bytes_fetched)
        return result

    def activate(self, digest: str) -> Activation:
        """See ImageEngine.activate."""
        return self._engine.activate(digest)

    def rollback(self, digest: str) -> Activation:
        """See ImageEngine.rollback."""
        return self._engine.rollback(digest)

    def discard(self) -> None:
        """See ImageEngine.discard."""
        self._engine.discard()


class _ObservedJournal:
    """All calls but one go straight on: the port has two dozen, and only what is committed is of interest."""

    def __init__(self, journal: Journal, observer: Observer) -> None:
        self._journal = journal
        self._observer = observer

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - each is as the port says
        return getattr(self._journal, name)

    def commit(self, change: Change) -> None:
        self._journal.commit(change)
        self._observer.committed(change)


def observed_journal(journal: Journal, observer: Observer) -> Journal:
    """See ports.Journal."""
    return cast("Journal", _ObservedJournal(journal, observer))
