"""A target: CloudEvents over HTTP, signed as Standard Webhooks.

Source: CloudEvents HTTP protocol binding 1.0.2, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/
bindings/http-protocol-binding.md: 3.1 binary, 3.2 structured, 3.3 batched content mode.

The signature covers id, moment and body. In binary mode the attributes are headers, which it does not cover,
but for `webhook-id`, which is made of source and id.
"""

from __future__ import annotations

import hashlib
import json
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_fleet.history import EventRecord
    from tidegate_fleet.outward.posting import Poster
    from tidegate_fleet.outward.signatures import Secrets
    from tidegate_schemas.events import UpdateEvent

BATCH: Final = 100
"""Events in one request in batched mode; some hundred KiB."""

_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What stays as it is in a header (HTTP binding, 3.1.3.2)."""


class Mode(StrEnum):
    """How events are put into requests."""

    BINARY = "binary"
    STRUCTURED = "structured"
    BATCHED = "batched"


class Webhook:
    """Implements `targets.Target`.

    Args:
        poster: brings requests.
        mode: how events are put into them.
        secrets: sign them; None leaves them unsigned.
        now: seconds since 1970.
    """

    name = "webhook"

    def __init__(
        self,
        poster: Poster,
        mode: Mode = Mode.STRUCTURED,
        secrets: Secrets | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._poster = poster
        self._mode = mode
        self._secrets = secrets
        self._now = now

    @property
    def most(self) -> int:
        """See Target.most."""
        return BATCH if self._mode is Mode.BATCHED else 1

    def deliver(self, records: Sequence[EventRecord]) -> None:
        """See Target.deliver."""
        events = [record.event for record in records]
        body, headers = _ENCODERS[self._mode](events)
        if self._secrets is not None:
            headers |= self._secrets.headers(message_id(events), int(self._now()), body)
        self._poster.post(body, headers)


def message_id(events: Sequence[UpdateEvent]) -> str:
    """The id of a request with these events: the same whenever they are sent again, and safe in a header."""
    named = hashlib.sha256()
    for event in events:
        named.update(json.dumps([event.source, event.id]).encode())
    return f"msg_{named.hexdigest()[:40]}"


def _binary(events: Sequence[UpdateEvent]) -> tuple[bytes, dict[str, str]]:
    (event,) = events
    attributes = event.model_dump(mode="json", exclude={"data", "datacontenttype"}, exclude_none=True)
    headers = {f"ce-{name}": quote(str(value), safe=_PLAIN) for name, value in attributes.items()}
    return event.data.to_json(), {"Content-Type": "application/json", **headers}


def _structured(events: Sequence[UpdateEvent]) -> tuple[bytes, dict[str, str]]:
    (event,) = events
    return event.to_json(), {"Content-Type": "application/cloudevents+json; charset=UTF-8"}


def _batched(events: Sequence[UpdateEvent]) -> tuple[bytes, dict[str, str]]:
    body = b"[" + b",".join(event.to_json() for event in events) + b"]"
    return body, {"Content-Type": "application/cloudevents-batch+json; charset=UTF-8"}


_ENCODERS: Final = {Mode.BINARY: _binary, Mode.STRUCTURED: _structured, Mode.BATCHED: _batched}
