"""What the fleet is told of requests to this host. PURE.

The id of an answer is `host/requests/nonce/answered`: a request has one, however often it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.reporting import Profile, capped
from tidegate_schemas import limits
from tidegate_schemas.events import Step, UpdateData, UpdateEvent

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.model import Failure
    from tidegate_agent.requests import Answer


def answer_event(answer: Answer, profile: Profile, now: datetime) -> UpdateEvent:
    """The event for a request that was genuine: exactly one for each."""
    predicate, failure = answer.request.predicate, answer.failure
    details = {
        "action": predicate.action.value,
        "nonce": predicate.nonce,
        "signer": answer.signer,
        "outcome": answer.outcome,
        **answer.details,
    }
    data = UpdateData(
        product=predicate.product,
        channel=predicate.channel,
        step=Step.ANSWERED,
        code=None if failure is None else failure.code,
        reason=(answer.text if failure is None else failure.reason)[: limits.TEXT],
        details=capped(details),
        boot_id=profile.boot_id,
    )
    return UpdateEvent.told(profile.facts.host, f"requests/{predicate.nonce}/{answer.told}", data, now)


def refused_request_event(message: str, failure: Failure, profile: Profile, now: datetime) -> UpdateEvent:
    """The event for a request that did not verify, or came again: one for each distinct message and code."""
    data = UpdateData(
        step=Step.ANSWERED,
        code=failure.code,
        reason=failure.reason[: limits.TEXT],
        details=capped({**failure.details, "outcome": "refused", "message": f"sha256:{message}"}),
        boot_id=profile.boot_id,
    )
    return UpdateEvent.told(profile.facts.host, f"requests/refused/{message[:16]}/{failure.code}", data, now)
