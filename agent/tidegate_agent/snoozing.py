"""Putting an update's activation off for a while, but not for ever. PURE.

An update can be put off again and again until `limit` has passed since it was put off first: whoever sits at
the host chooses the hour, the operator that it happens. Emergencies and passed deadlines are not put off at
all (`manners`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.admission import SKEW
from tidegate_agent.errors import RefusedError
from tidegate_agent.records import Snooze
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def snoozed(before: Snooze | None, digest: str, now: datetime, length: timedelta, limit: timedelta) -> Snooze:
    """Until when an update is put off.

    Args:
        before: the last time anything was put off in this channel.
        digest: the update that is to wait.
        now: the latest moment that is known to have passed.
        length: for how long.
        limit: for how long in all.

    Raises:
        RefusedError: REQUEST_POINTLESS, it was put off for long enough.
    """
    first = before.first if before is not None and before.digest == digest else now
    # A clock that was set back must not make room for more.
    until = min(now + length, min(first, now) + limit)
    if until <= now:
        reason = f"it was first put off at {rfc3339(first)}, and activate.snooze_limit has passed since"
        raise RefusedError(Code.REQUEST_POINTLESS, reason)
    return Snooze(digest, first, until)


def mend(snooze: Snooze, now: datetime) -> Snooze:
    """The same length from now on, where it was put off in the future: the clock has been set back since."""
    if snooze.first <= now + SKEW:
        return snooze
    return Snooze(snooze.digest, now, now + (snooze.until - snooze.first))
