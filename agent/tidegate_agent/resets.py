"""The way back from a sequence that a stolen signer has driven up: what a host remembers afterwards. PURE.

All else raises a channel's sequence and floor. A reset lowers them, once, so it is the one request that could
help a replay. Therefore:

- it names the sequence exactly, and nothing at or below it counts any more (`admission`);
- one that was signed before the newest statement or reset that the host accepted is too late: whoever holds
  it back cannot use it, once the channel goes on, to bring back what is older;
- the floor falls to the sequence, and no further: what honest signers forbade at or below it stays forbidden;
- nobody vouches for the channel until a new statement comes, so it is stale from now on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.errors import RefusedError
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.admission import Memory
    from tidegate_schemas.requests import RequestPredicate


def reset_to(predicate: RequestPredicate, memory: Memory, now: datetime) -> Memory:
    """What the host remembers of a channel after a reset.

    Args:
        predicate: the request, which is genuine and fresh.
        memory: what the host has accepted on this channel.
        now: the latest moment that is known to have passed.

    Raises:
        RefusedError: REQUEST_POINTLESS when the sequence is not below the one accepted, REQUEST_OVERTAKEN
            when something that was issued later has been accepted.
    """
    sequence, issued_at = predicate.sequence, predicate.issued_at
    if sequence is None or sequence >= memory.sequence:
        reason = f"a reset goes back, and this host has accepted no more than sequence {memory.sequence}"
        raise RefusedError(Code.REQUEST_POINTLESS, reason)
    if memory.issued_at is not None and issued_at < memory.issued_at:
        reason = f"what this host has accepted was issued at {rfc3339(memory.issued_at)}, after this reset"
        raise RefusedError(Code.REQUEST_OVERTAKEN, reason)
    return replace(
        memory,
        sequence=sequence,
        accepted="",
        floor=min(memory.floor, sequence),
        expires=min(memory.expires or now, now),
        issued_at=issued_at,
        resets=memory.resets + 1,
    )


def told(before: Memory, after: Memory) -> str:
    """A reset in words for a person."""
    floor = "" if before.floor == after.floor else f", floor from {before.floor} to {after.floor}"
    return f"from sequence {before.sequence} to {after.sequence}{floor}"
