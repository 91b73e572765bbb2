"""The channel statement: what is read, what is kept, what is refused and with which code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.statements import NOON, a_statement
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, Urgency, Wave
from tidegate_schemas.statement import Requires, parse_statement

HEX = "a" * 64


def content(**predicate: Any) -> dict[str, Any]:
    """A valid statement as JSON content, with fields of the predicate replaced."""
    made: dict[str, Any] = json.loads(a_statement().to_json())
    made["predicate"] |= predicate
    return made


def refused(wrong: object) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        parse_statement(json.dumps(wrong).encode())
    return caught.value


def test_a_full_statement_comes_back_as_it_was() -> None:
    waves = (
        Wave(name="first", fraction=0.01, open=True),
        Wave(name="rest", labels={"a": "b"}, opens_at=NOON),
    )
    statement = a_statement(
        sequence=7,
        floor=3,
        notes="Größer",
        urgency=Urgency.URGENT,
        deadline=NOON,
        requires=Requires(arch=("amd64",), labels={"site": "lab"}, minimum_sequence=2),
        rollout=Rollout(seed="s", waves=waves),
        critical=("rollout", "issuedAt"),
    )
    assert parse_statement(statement.to_json()) == statement


def test_the_wire_speaks_camel_case_and_names_the_types() -> None:
    made = content()
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://tidegate.dev/channel/v1"
    assert made["subject"] == [{"name": "registry.example/os", "digest": {"sha256": HEX}}]
    assert made["predicate"]["issuedAt"] == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize(
    "sequence", [True, False, "7", 7.0, 7.5, None, 0, -1, 2**53, 10**40, [7], {"value": 7}]
)
def test_a_sequence_is_a_whole_number_in_range(sequence: object) -> None:
    error = refused(content(sequence=sequence))
    assert error.code is Code.STATEMENT_SCHEMA
    assert "predicate.sequence" in error.reason


@pytest.mark.parametrize("sequence", [1, 2**53 - 1])
def test_the_ends_of_the_range_are_taken(sequence: int) -> None:
    assert parse_statement(json.dumps(content(sequence=sequence)).encode()).predicate.sequence == sequence


@pytest.mark.parametrize("field", ["issuedAt", "expires", "deadline"])
@pytest.mark.parametrize(
    "moment",
    ["2026-03-09T12:00:00", "2026-03-09", "1772971200", 1772971200, "9999-12-31T23:59:59-12:00", True],
)
def test_moments_need_their_offset(field: str, moment: object) -> None:
    error = refused(content(**{field: moment}))
    assert error.code is Code.STATEMENT_SCHEMA
    assert f"predicate.{field}" in error.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": "2026-03-02T12:00:00Z"},
        {"expires": "2026-03-02T11:59:59Z"},
        {"expires": "2026-03-02T13:00:00+02:00"},
        {"floor": 2},
        {"floor": -1},
        {"floor": True},
        {"product": "OS"},
        {"product": "os/stable"},
        {"channel": "stable\n"},
        {"channel": ""},
        {"version": ""},
        {"version": 1.0},
        {"notes": "x" * (limits.TEXT + 1)},
        {"image": {"references": []}},
        {"image": {"references": ["r"] * 17}},
        {"image": {"references": "registry.example/os"}},
        {"rollout": {"seed": "s", "state": "paused"}},
        {"rollout": {"state": "active"}},
        {"rollout": {"seed": "s", "waves": [{"name": str(n)} for n in range(limits.ITEMS + 1)]}},
        {"requires": {"labels": {str(n): "x" for n in range(limits.ITEMS + 1)}}},
        {"urgency": "panic"},
    ],
    ids=str,
)
def test_wrong_fields_are_refused(changes: dict[str, object]) -> None:
    assert refused(content(**changes)).code is Code.STATEMENT_SCHEMA


@pytest.mark.parametrize(
    "field", ["product", "channel", "sequence", "issuedAt", "expires", "image", "version"]
)
def test_what_a_host_decides_by_has_to_be_there(field: str) -> None:
    made = content()
    del made["predicate"][field]
    assert field in refused(made).reason


def test_a_floor_at_the_own_sequence_is_taken() -> None:
    assert parse_statement(json.dumps(content(floor=1)).encode()).predicate.floor == 1


def test_a_field_is_known_by_its_name_on_the_wire_alone() -> None:
    made = content()
    made["predicate"]["issued_at"] = made["predicate"].pop("issuedAt")
    assert "issuedAt" in refused(made).reason
    both = parse_statement(json.dumps(content(issued_at="2020-01-01T00:00:00Z")).encode())
    assert both.predicate.issued_at == NOON


# Subjects


def test_a_subject_without_a_name_is_taken() -> None:
    made = content() | {"subject": [{"digest": {"sha256": HEX}}]}
    assert parse_statement(json.dumps(made).encode()).digest == f"sha256:{HEX}"


def test_further_digests_of_the_subject_are_ignored() -> None:
    made = content() | {"subject": [{"digest": {"sha256": HEX, "sha512": "b" * 128}}]}
    assert parse_statement(json.dumps(made).encode()).digest == f"sha256:{HEX}"


@pytest.mark.parametrize(
    "subject",
    [
        [],
        [{"digest": {"sha256": HEX}}, {"digest": {"sha256": HEX}}],
        [{"digest": {"sha512": "a" * 128}}],
        [{"digest": {}}],
        [{"name": "os"}],
        [{"digest": {"sha256": "A" * 64}}],
        [{"digest": {"sha256": "a" * 63}}],
        [{"digest": {"sha256": "a" * 65}}],
        [{"digest": {"sha256": f"sha256:{HEX}"}}],
        [{"digest": {"sha256": "a" * 63 + "\n"}}],
        [{"digest": {"sha256": "\u0661" * 64}}],
        [{"digest": {"SHA256": HEX}}],
        [{"digest": {"sha256": [HEX]}}],
        {"digest": {"sha256": HEX}},
        None,
    ],
    ids=str,
)
def test_other_subjects_are_refused(subject: object) -> None:
    assert refused(content() | {"subject": subject}).code is Code.STATEMENT_SCHEMA


# Types


@pytest.mark.parametrize("field", ["_type", "predicateType"])
@pytest.mark.parametrize(
    "value", [None, "", "https://in-toto.io/Statement/v0.1", "https://slsa.dev/provenance/v1", 1, ["x"], {}]
)
def test_another_type_is_named(field: str, value: object) -> None:
    error = refused(content() | {field: value})
    assert error.code is Code.STATEMENT_TYPE
    assert field in error.reason


@pytest.mark.parametrize("field", ["_type", "predicateType"])
def test_a_missing_type_is_named(field: str) -> None:
    made = content()
    del made[field]
    assert refused(made).code is Code.STATEMENT_TYPE


def test_a_type_under_the_name_of_the_model_is_not_one() -> None:
    made = content()
    made["type_"] = made.pop("_type")
    assert refused(made).code is Code.STATEMENT_TYPE


@pytest.mark.parametrize("wrong", [[], None, 1, "statement", True])
def test_what_is_no_object_is_refused(wrong: object) -> None:
    assert refused(wrong).code is Code.STATEMENT_SCHEMA


# What a newer publisher says


def test_unknown_fields_are_kept() -> None:
    made = content(cohortSize=12, later={"a": [1]})
    made["predicate"]["image"]["layers"] = 3
    statement = parse_statement(json.dumps(made).encode())
    assert statement.predicate.unknown() == {"cohortSize": 12, "later": {"a": [1]}}
    assert json.loads(statement.to_json())["predicate"]["cohortSize"] == 12
    assert statement.predicate.image.unknown() == {"layers": 3}


@pytest.mark.parametrize("name", ["cohortSize", "issued_at", "Rollout", " rollout", "predicate"])
def test_an_unknown_critical_field_refuses_the_statement(name: str) -> None:
    error = refused(content(critical=["rollout", name]))
    assert error.code is Code.STATEMENT_CRITICAL
    assert repr(name) in error.reason


# Anything at all


@given(
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3))
)
def test_whatever_stands_in_a_field_nothing_but_our_errors_comes_out(value: object) -> None:
    for field in content()["predicate"]:
        try:
            parse_statement(json.dumps(content(**{field: value})).encode())
        except TidegateError as error:
            assert error.code in {Code.STATEMENT_SCHEMA, Code.STATEMENT_CRITICAL}  # noqa: PT017 - some are valid


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"x" * (limits.STATEMENT_BYTES + 1), Code.STATEMENT_OVERSIZE),
        (b"not json", Code.STATEMENT_MALFORMED),
        (b"\xff", Code.STATEMENT_MALFORMED),
        (b'{"_type": 1, "_type": 2}', Code.STATEMENT_MALFORMED),
    ],
    ids=["oversize", "text", "bytes", "twice"],
)
def test_what_is_no_json_is_told_by_its_own_code(raw: bytes, code: Code) -> None:
    with pytest.raises(TidegateError) as caught:
        parse_statement(raw)
    assert caught.value.code is code


def test_half_a_character_in_a_field_is_no_json() -> None:
    raw = json.dumps(content()).replace("registry.example/os", "\\ud800").encode()
    with pytest.raises(TidegateError) as caught:
        parse_statement(raw)
    assert caught.value.code is Code.STATEMENT_MALFORMED
