from __future__ import annotations

import time

import pytest

from tidegate_publisher.yaml_document import MAX_BYTES, read_yaml
from tidegate_schemas.codes import Code, TidegateError


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
