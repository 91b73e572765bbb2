"""Signs events before they are sent, on a worker, and keeps what is signed until the broker has it.

Nothing leaves unsigned: while the device key cannot be used, events stay in the journal, in order. That is
told once, and tried again with growing pauses.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.operations import failure_of
from tidegate_schemas import envelope
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tidegate_agent.model import Failure
    from tidegate_agent.ports import Clock, EventSigner, Timer
    from tidegate_agent.records import Letter
    from tidegate_schemas.events import UpdateEvent

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=5)

REASON_KEPT: Final = 512
"""Characters of the reason that are kept of an event that is too large to be sent whole."""


class Sealing:
    """Runs on the engine's thread; only the signer itself is asked on a worker.

    Args:
        signer: the device key.
        clock: the time.
        timer: wakes the engine to try again.
        post: queues a call for the engine's thread; each ends with a look at the outbox.
        run: runs a slow call elsewhere, one at a time.

    Attributes:
        key_id: names the key that signs; None until it is known, and while it cannot be used.
    """

    def __init__(
        self,
        signer: EventSigner,
        clock: Clock,
        timer: Timer,
        post: Callable[[Callable[[], None]], None],
        run: Callable[[Callable[[], None]], object],
    ) -> None:
        self.key_id: str | None = None
        self._signer = signer
        self._clock = clock
        self._timer = timer
        self._post = post
        self._run = run
        self._sealed: dict[int, bytes] = {}
        self._busy = False
        self._paused = False
        self._pause = FIRST_PAUSE
        self._told: Failure | None = None

    def begin(self) -> None:
        """Find out which key signs, and whether it can be used, before the first event has to be signed."""
        self._ask({})

    def sealed(self, letters: Sequence[Letter]) -> list[bytes]:
        """The messages of these letters up to the first that is not signed yet; the rest is being signed."""
        missing = {each.token: each.event for each in letters if each.token not in self._sealed}
        if missing:
            self._ask(missing)
        ready = takewhile(lambda each: each.token in self._sealed, letters)
        return [self._sealed[each.token] for each in ready]

    def forget(self, token: int) -> None:
        """The broker has this letter."""
        self._sealed.pop(token, None)

    def _ask(self, events: Mapping[int, UpdateEvent]) -> None:
        if self._busy or self._paused:
            return
        self._busy = True
        self._run(lambda: self._sign(events))

    def _sign(self, events: Mapping[int, UpdateEvent]) -> None:
        """On the worker."""
        payloads = [signable(event) for event in events.values()]
        try:
            made = self._signer.sign(payloads)
            key_id = made.key_id
            messages = [
                envelope.seal(payload, key_id, signature)
                for payload, signature in zip(payloads, made.signatures, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - whatever a token's adapter raises, events wait for it
            failure = failure_of(error, Code.EVENT_SIGNING)
            self._post(lambda: self._failed(failure))
            return
        self._post(lambda: self._done(key_id, dict(zip(events, messages, strict=True))))

    def _done(self, key_id: str, messages: Mapping[int, bytes]) -> None:
        self._busy = False
        self._pause = FIRST_PAUSE
        if key_id != self.key_id:
            logger.info("events are signed with the device key {}", key_id)
        self.key_id, self._told = key_id, None
        self._sealed.update(messages)

    def _failed(self, failure: Failure) -> None:
        self._busy, self._paused = False, True
        if failure != self._told:
            logger.error("[{}] {}; events are kept until they can be signed", failure.code, failure.reason)
        self.key_id, self._told = None, failure
        self._timer.after("sign", self._pause, lambda: self._post(self._again))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _again(self) -> None:
        self._paused = False
        if self.key_id is None:
            self._ask({})


def fitting(event: UpdateEvent) -> UpdateEvent:
    """An event as it is sent: all of it, or its essence where the message would be too large."""
    if len(event.to_json()) <= envelope.EVENT_BYTES:
        return event
    essence = event.data.model_copy(update={"details": {}, "reason": event.data.reason[:REASON_KEPT]})
    return event.model_copy(update={"data": essence})


def signable(event: UpdateEvent) -> bytes:
    """What is signed of an event."""
    return fitting(event).to_json()
