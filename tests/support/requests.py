"""Requests to a host as they could be, for tests."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from tests.support.statements import NOON
from tidegate_schemas.requests import Action, HostRequest, RequestPredicate, host_digest
from tidegate_schemas.statement import Subject


def a_request(action: Action = Action.RECHECK, *, digest: str | None = None, **changes: Any) -> HostRequest:
    """A request to edge-1, valid for an hour from `issued_at` on; `digest` is its subject.

    A reset takes `os/stable` to sequence 1, unless told otherwise.
    """
    issued = changes.get("issued_at", NOON)
    reset = {"product": "os", "channel": "stable", "sequence": 1} if action is Action.RESET else {}
    fields: dict[str, Any] = {
        "host": "edge-1",
        "nonce": secrets.token_urlsafe(16),
        "issued_at": issued,
        "expires": issued + timedelta(hours=1),
        **reset,
        **changes,
    }
    subject = digest or host_digest(fields["host"])
    return HostRequest(
        subject=(Subject(name="subject", digest={"sha256": subject.removeprefix("sha256:")}),),
        predicate=RequestPredicate(action=action, **fields),
    )
