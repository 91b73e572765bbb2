"""Moments as the journal's tables hold them: microseconds since 1970, exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def number(moment: datetime) -> int:
    """A moment as it is written."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(number_: int) -> datetime:
    """What was written, in UTC."""
    return _EPOCH + number_ * _MICROSECOND
