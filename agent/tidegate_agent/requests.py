"""Which requests this host acts upon, and what it answers. PURE.

A request is genuine when it comes here (steps 1 to 5 of the order of verification). `judge` adds what a
replay breaks on:

- it is fresh: not expired, not from the future, not valid for longer than the host allows;
- its nonce was not used before. Nonces are kept until their request has expired; the latest end of those
  that were forgotten stays, and what ends then or before is refused, so that no clock brings one back;
- a hold or resume that was signed before the newest one accepted for the same follow changes nothing
  (`supersedes`): what was delayed on its way does not undo what was said later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.admission import SKEW
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Failure
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_schemas.requests import HostRequest

if TYPE_CHECKING:
    from tidegate_agent.records import Hold, Ledger

REMEMBERED: Final = 1024
"""Requests that are remembered until they expire. One more is refused: none may be forgotten."""

MAX_VALIDITY: Final = timedelta(hours=24)
"""How long a request may be valid, unless the host's configuration says otherwise."""


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """The host's bounds on requests."""

    max_validity: timedelta = MAX_VALIDITY


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    `outcome` is `done`, `begun` where the events of an update tell the rest, or `refused` with `failure`;
    `text` says it to a person, `details` to a program. `told` is the end of the event's id: the same request
    has the same answer.
    """

    request: HostRequest
    signer: str
    outcome: str
    text: str = ""
    failure: Failure | None = None
    told: str = "answered"
    details: Mapping[str, str] = field(default_factory=dict)


def judge(request: HostRequest, ledger: Ledger, policy: RequestPolicy, now: datetime) -> None:
    """Refuse a genuine request that comes twice, or at the wrong time.

    Args:
        request: what was signed.
        ledger: the requests that were acted upon.
        policy: the host's bounds.
        now: the latest of system clock, clock floor and the signing certificate's start.

    Raises:
        RefusedError: REQUEST_REPLAYED, REQUEST_EXPIRED or REQUEST_TOO_MANY.
    """
    predicate = request.predicate
    if predicate.nonce in ledger.spent:
        raise RefusedError(Code.REQUEST_REPLAYED, "this request was acted upon before")
    _check_time(request, ledger, policy, now)
    if sum(end > now for end in ledger.spent.values()) >= REMEMBERED:
        reason = f"{REMEMBERED} requests are valid still, and none of them may be forgotten"
        raise RefusedError(Code.REQUEST_TOO_MANY, reason)


def _check_time(request: HostRequest, ledger: Ledger, policy: RequestPolicy, now: datetime) -> None:
    issued, expires = request.predicate.issued_at, request.predicate.expires
    if expires <= now:
        raise _expired(f"the request expired at {rfc3339(expires)}; it is {rfc3339(now)}")
    if ledger.closed_until is not None and expires <= ledger.closed_until:
        raise _expired(
            f"the request ends at {rfc3339(expires)}; "
            f"requests that end by {rfc3339(ledger.closed_until)} have had their time on this host"
        )
    if issued > now + SKEW:
        raise _expired(f"the request was signed at {rfc3339(issued)}; here it is {rfc3339(now)}")
    if expires - issued > policy.max_validity:
        raise _expired(f"the request is valid for {expires - issued}; this host allows {policy.max_validity}")


def _expired(reason: str) -> RefusedError:
    return RefusedError(Code.REQUEST_EXPIRED, reason)


def supersedes(request: HostRequest, hold: Hold | None) -> bool:
    """Whether a hold or resume is the newest word on a follow: none was signed later."""
    newest = None if hold is None else hold.ordered_at
    return newest is None or request.predicate.issued_at >= newest
