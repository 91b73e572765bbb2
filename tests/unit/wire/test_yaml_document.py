from __future__ import annotations

import time
import tomllib
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.yaml_document import MAX_BYTES, Reading, read_documents, read_yaml


def read(text: str) -> object:
    return read_yaml(text.encode(), "file.yaml").content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2026-03-02", "2026-03-02"),
        ("1_000", "1_000"),
        ("0o17", "0o17"),
        ("0x1f", "0x1f"),
        ("1:30", "1:30"),
        ("true", True),
        ("-12", -12),
        ("1.5e3", 1500.0),
        ("null", None),
        ("", None),
        ('"12"', "12"),
    ],
)
def test_only_what_json_says_is_not_text(text: str, value: object) -> None:
    assert read(f"key: {text}") == {"key": value}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3", "file.yaml:3: the key 'a' stands on line 1 already"),
        ("a: &x 1", "file.yaml:1: anchors and aliases"),
        ("a: *x", "file.yaml:1: anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]", "file.yaml:1: the tag"),
        ("a: 1\n---\nb: 2", "file.yaml:2: a second document begins"),
        ("a: [1", "not valid YAML"),
        ("a:\n\t- b", "file.yaml:2: not valid YAML"),
        ("? [a]\n: b", "file.yaml:1: a key must be plain text"),
        ("[" * 30, "file.yaml:1: nested deeper than 16 levels"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_what_is_refused_names_the_line(text: str, told: str) -> None:
    with pytest.raises(TidegateError) as caught:
        read(text)
    assert caught.value.code is Code.CONFIG_SYNTAX
    assert told in caught.value.reason


def test_too_large_and_not_utf_8() -> None:
    for raw, told in ((b" " * (MAX_BYTES + 1), "larger than 64 KiB"), (b"a: \xff", "not UTF-8 at byte 3")):
        with pytest.raises(TidegateError, match=told):
            read_yaml(raw, "file.yaml")


def test_the_largest_hostile_nesting_is_refused_quickly() -> None:
    start = time.monotonic()
    with pytest.raises(TidegateError):
        read_yaml(b"[" * MAX_BYTES, "file.yaml")
    assert time.monotonic() - start < 20


def test_places_fall_back_to_what_is_around() -> None:
    document = read_yaml(b"a:\n  b: [1,\n    2]\n", "file.yaml")
    assert document.place(("a", "b", 1)) == "file.yaml:3"
    assert document.place(("a", "missing")) == "file.yaml:1"
    assert document.place(()) == "file.yaml:1"


def several(text: str, **reading: Any) -> list[object]:
    return [each.content for each in read_documents(text.encode(), "file.yaml", Reading(**reading))]


def test_several_documents_where_they_are_asked_for() -> None:
    text = "a: 1\n---\nb: 2\n---\n"
    assert several(text, documents=3) == [{"a": 1}, {"b": 2}, None]
    with pytest.raises(TidegateError, match=r"yaml:4: one more document begins; there may be 2"):
        several(text, documents=2)
    assert read_documents(b"a: 1\n---\nb: 2\n", "f", Reading(documents=2))[1].place(("b",)) == "f:3"
    assert several("", documents=3) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-02", date(2026, 3, 2)),
        ("2026-03-02T01:02:03Z", datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)),
        ("2026-03-02 01:02:03.5", datetime(2026, 3, 2, 1, 2, 3, 500_000)),  # noqa: DTZ001 - TOML's local one
        ('"2026-03-02"', "2026-03-02"),
        ("2026-3-2", "2026-3-2"),
        ("12", 12),
    ],
)
def test_dates_where_they_are_asked_for_are_those_of_toml(text: str, value: object) -> None:
    assert several(f"key: {text}", dates=True) == [{"key": value}]
    if not isinstance(value, str | int):
        assert tomllib.loads(f"key = {text}") == {"key": value}


def test_a_date_that_no_calendar_has() -> None:
    with pytest.raises(TidegateError, match=r"yaml:2: '2026-02-30': day is out of range"):
        several("a: 1\nb: 2026-02-30", dates=True)


def test_values_without_end_are_refused_before_they_are_made() -> None:
    with pytest.raises(TidegateError, match="it has more than 1000 keys and values"):
        several("[" + "a," * 2000 + "]", nodes=1000)
