"""Whether hosts would find a statement fresh (docs/threats.md, step 6). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_schemas.statement import ChannelStatement

SKEW: Final = timedelta(minutes=5)
"""How far apart clocks may be; hosts allow the same."""


def require_fresh(statement: ChannelStatement, now: datetime) -> None:
    """Refuse a statement that is not valid at that moment.

    Raises:
        TidegateError: STATEMENT_EXPIRED, STATEMENT_NOT_YET_VALID.
    """
    said = statement.predicate
    if said.expires <= now:
        reason = f"The statement with sequence {said.sequence} expired at {rfc3339(said.expires)}"
        raise TidegateError(Code.STATEMENT_EXPIRED, reason)
    if said.issued_at > now + SKEW:
        reason = (
            f"The statement with sequence {said.sequence} comes from the future: {rfc3339(said.issued_at)}"
        )
        raise TidegateError(Code.STATEMENT_NOT_YET_VALID, reason)
