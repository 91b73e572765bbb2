"""Points in time on the wire: RFC 3339 with an offset, and nothing else that a parser might take for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate_schemas.base import Message, Moment, rfc3339

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


class Note(Message):
    at: Moment


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=OFFSETS))  # noqa: DTZ001 - zones are added
def test_a_moment_comes_back_as_it_was(at: datetime) -> None:
    read = Note.model_validate_json(Note(at=at).to_json()).at
    assert read == at
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02t12:00:00z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02T12:00:00.25+05:30", datetime(2026, 3, 2, 6, 30, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_offsets_are_understood(text: str, at: datetime) -> None:
    assert Note.model_validate_json(f'{{"at": "{text}"}}').at == at


@pytest.mark.parametrize(
    "value",
    [
        '"2026-03-02T12:00:00"',
        '"2026-03-02"',
        '"1700000000"',
        '"1e9"',
        "1700000000",
        "1700000000.5",
        "true",
        "null",
        '""',
        '"now"',
        '"2026-02-30T12:00:00Z"',
        '"2026-03-02T25:00:00Z"',
        '"9999-12-31T23:59:59-12:00"',
        '"0001-01-01T00:00:00+12:00"',
        '"202\\u0666-03-02T12:00:00Z"',
    ],
)
def test_all_else_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        Note.model_validate_json(f'{{"at": {value}}}')


def test_text_is_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert rfc3339(datetime(2026, 3, 2, 13, tzinfo=berlin)) == "2026-03-02T12:00:00Z"
    assert rfc3339(datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC)) == "2026-03-02T12:00:00.000005Z"
