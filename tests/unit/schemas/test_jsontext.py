"""What hostile JSON is refused, and that refusing it is cheap."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import Code

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
MARKS = st.text(alphabet='[]{}",:\\u0129e-tfn \n\ud7ff', max_size=200)


def code_of(raw: bytes) -> Code:
    with pytest.raises(jsontext.JsonError) as caught:
        jsontext.parse(raw)
    return caught.value.code


@given(PLAIN)
def test_what_json_can_say_is_read(value: object) -> None:
    assert jsontext.parse(json.dumps(value).encode()) == value
    assert jsontext.parse(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=300) | MARKS.map(str.encode))
def test_nothing_but_a_json_error_comes_out(raw: bytes) -> None:
    try:
        jsontext.parse(raw)
    except jsontext.JsonError as error:
        assert error.code is Code.STATEMENT_MALFORMED  # noqa: PT017 - most inputs raise, a few do not


@given(MARKS)
def test_the_caps_refuse_nothing_that_the_standard_reader_takes(text: str) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        return
    if len(str(wanted)) < limits.JSON_DEPTH and "Infinity" not in text:
        read = jsontext.parse(text.encode())
        assert read == wanted


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a": 1',
        b'"open',
        b'"open\\',
        b"{} {}",
        b"{'a': 1}",
        b"[1,]",
        b"\xff\xfe[\x00]\x00",
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"[Infinity]",
        b'{"a": -Infinity}',
        b"1e999",
        b"[-1e999]",
        b"9" * 5000,
        b'"tab\there"',
        b'"\\ud800"',
        b'{"\\uDFFF": 1}',
        b'["\\ud800\\u0041"]',
    ],
)
def test_what_is_not_plain_json_is_refused(raw: bytes) -> None:
    assert code_of(raw) is Code.STATEMENT_MALFORMED


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'[{"x": {"deep": 1, "b": 2, "deep": 3}}]',
        b'{"": 0, "": 0}',
    ],
)
def test_a_key_stands_once_in_its_object(raw: bytes) -> None:
    assert code_of(raw) is Code.STATEMENT_MALFORMED


def test_a_whole_pair_is_one_character() -> None:
    assert jsontext.parse(b'["\\ud83d\\ude00", "\\\\ud800"]') == ["\U0001f600", "\\ud800"]


def test_a_key_may_stand_in_several_objects() -> None:
    assert jsontext.parse(b'{"a": {"a": [{"a": 1}, {"a": 2}]}}') == {"a": {"a": [{"a": 1}, {"a": 2}]}}


def test_the_size_cap_is_exact() -> None:
    fits = b'"' + b"x" * (limits.STATEMENT_BYTES - 2) + b'"'
    assert len(str(jsontext.parse(fits))) == limits.STATEMENT_BYTES - 2
    assert code_of(fits + b" ") is Code.STATEMENT_OVERSIZE


def test_the_depth_cap_is_exact() -> None:
    depth = limits.JSON_DEPTH
    assert jsontext.parse(b"[" * depth + b"]" * depth) is not None
    assert code_of(b"[" * (depth + 1) + b"]" * (depth + 1)) is Code.STATEMENT_MALFORMED
    assert code_of(b'{"a":' * (depth + 1) + b"1" + b"}" * (depth + 1)) is Code.STATEMENT_MALFORMED


def test_siblings_are_not_depth() -> None:
    assert jsontext.parse(b"[" + b",".join([b"[{}]"] * 1000) + b"]") == [[{}]] * 1000


@pytest.mark.parametrize("text", ["[" * 100, "{" * 100, '\\"' + "[" * 100, "\\\\", '\\\\\\"' + "{" * 100])
def test_brackets_in_a_string_are_not_depth(text: str) -> None:
    assert jsontext.parse(f'["{text}"]'.encode()) == json.loads(f'["{text}"]')


def test_a_string_does_not_hide_depth_behind_an_escape() -> None:
    assert "nests deeper" in str(_error(b'["\\\\", ' + b"[" * 100))


@pytest.mark.parametrize("part", [b'\\"', b'"', b'"\\', b"\\", b'"[', b"[", b'{"'])
def test_refusing_takes_time_in_proportion_to_the_size(part: bytes) -> None:
    """A pattern that is tried anew at each quote of an endless string took 40 s for one message."""
    raw = (b'"' + part * limits.STATEMENT_BYTES)[: limits.STATEMENT_BYTES]
    began = time.process_time()
    assert code_of(raw) is Code.STATEMENT_MALFORMED
    assert time.process_time() - began < 2


def test_an_error_shows_no_more_of_a_message_than_a_person_needs() -> None:
    error = _error(b'{"%s": 1, "%s": 2}' % (b"k" * 5000, b"k" * 5000))
    assert len(str(error)) < 200


def _error(raw: bytes) -> jsontext.JsonError:
    with pytest.raises(jsontext.JsonError) as caught:
        jsontext.parse(raw)
    return caught.value
