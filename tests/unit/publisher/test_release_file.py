from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import SLOW_MACHINES
from tidegate_publisher.release_file import load_release
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.release import Release
from tidegate_schemas.rollout import RolloutState, Urgency

MINIMAL = """
product: os
channel: stable
image: registry.example/os:1.2
version: "1.2"
"""
FULL = (
    MINIMAL
    + """
mirrors: [mirror.example/os]
notes: |
  Two lines,
  kept as they are.
sequence: 7
expires_in: 1d12h
requires:
  arch: [arm64]
  labels: {site: lab}
  minimum_sequence: 3
rollout:
  state: held
  seed: fixed
  waves:
    - name: canary
      fraction: 0.01
      open: true
    - name: rest
      opens_at: 2026-03-02T12:00:00+01:00
urgency: urgent
deadline: 2026-04-01T00:00:00Z
floor: 2
"""
)


def load(text: str, **overrides: object) -> Release:
    return load_release(text.encode(), "release.yaml", overrides)


def refusal(text: str, **overrides: object) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        load(text, **overrides)
    return caught.value


def test_every_key() -> None:
    release = load(FULL)
    assert release.mirrors == ("mirror.example/os",)
    assert release.notes == "Two lines,\nkept as they are.\n"
    assert (release.sequence, release.floor) == (7, 2)
    assert release.expires_in == timedelta(days=1, hours=12)
    assert release.requires.arch == ("arm64",)
    assert release.requires.labels == {"site": "lab"}
    assert release.requires.minimum_sequence == 3
    assert (release.rollout.state, release.rollout.seed) == (RolloutState.HELD, "fixed")
    canary, rest = release.rollout.waves
    assert (canary.fraction, canary.open) == (0.01, True)
    assert rest.opens_at == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert release.urgency is Urgency.URGENT


def test_defaults() -> None:
    release = load(MINIMAL)
    assert (release.sequence, release.expires_in) == (None, timedelta(days=14))


def test_flags_win_and_reach_into_sections() -> None:
    release = load(FULL, sequence=9, expires_in="2d", **{"rollout.state": "active"})
    assert (release.sequence, release.expires_in) == (9, timedelta(days=2))
    assert (release.rollout.state, release.rollout.seed) == (RolloutState.ACTIVE, "fixed")


def test_flags_alone_are_a_release() -> None:
    release = load("", product="os", channel="stable", image="r.example/os:1", version="1")
    assert release.product == "os"


def test_a_flag_wins_over_the_other_spelling() -> None:
    release = load(MINIMAL + "expiresIn: 3d\n", expires_in="2d")
    assert release.expires_in == timedelta(days=2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (MINIMAL + "rolout: {}\n", "release.yaml:6: rolout: there is no such key; did you mean rollout?"),
        (
            MINIMAL + "rollout:\n  sate: held\n",
            "release.yaml:7: rollout.sate: there is no such key; did you mean",
        ),
        (
            MINIMAL.replace('"1.2"', "1.2"),
            "release.yaml:5: version: expected text in quotes, not 1.2",
        ),
        (
            MINIMAL.replace('"1.2"', "true"),
            "release.yaml:5: version: expected text in quotes, not true",
        ),
        (MINIMAL + 'sequence: "7"\n', "release.yaml:6: sequence: expected a whole number without quotes"),
        (
            MINIMAL + "rollout:\n  waves:\n  - name: a\n    fraction: 2\n",
            "release.yaml:9: rollout.waves[0].fraction:",
        ),
        (MINIMAL + "rollout: {state: activ}\n", "expected 'active', 'held' or 'revoked', not 'activ'"),
        (
            MINIMAL + "deadline: 2026-04-01\n",
            "such as 2026-03-02T12:00:00Z",
        ),
        (MINIMAL + "deadline: 2026-04-01T00:00:00\n", "release.yaml:6: deadline: "),
        (MINIMAL + "expires_in: soon\n", "release.yaml:6: expires_in: 'soon' is not a duration such as 14d"),
        (MINIMAL + "expires_in: 14\n", "release.yaml:6: expires_in: '14' is not a duration such as 14d"),
        (MINIMAL + "expires_in: 1d\nexpiresIn: 2d\n", "expires_in: stands beside"),
        (
            MINIMAL.replace("product: os", "product: Os"),
            "release.yaml:2: product: 'Os' does not fit; expected 1 to 64",
        ),
        (MINIMAL.replace("product: os\n", ""), "product: is required"),
        (
            MINIMAL + "requires: arm64\n",
            "release.yaml:6: requires: expected keys and values below it, not 'arm64'",
        ),
        ("- a\n", "expected keys and values"),
    ],
)
def test_a_mistake_is_told_with_line_key_and_what_was_expected(text: str, told: str) -> None:
    error = refusal(text)
    assert error.code is Code.RELEASE_INVALID
    if "stands beside" in told:
        assert "which is the same key" in error.reason
    else:
        assert told in error.reason


def test_a_flag_that_does_not_fit_the_files_section() -> None:
    error = refusal(MINIMAL + "rollout: fast\n", **{"rollout.state": "held"})
    assert (error.code, "release.yaml:6" in error.reason) == (Code.RELEASE_INVALID, True)


# PyYAML writes the text 1e100 without quotes, which to JSON (and to YAML 1.2) is a number.
_NUMBER = re.compile(r"-?[0-9.]+[eE][-+]?[0-9]+")
_WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    lambda text: not _NUMBER.fullmatch(text)
)


@SLOW_MACHINES
@given(
    version=_WORDS,
    notes=_WORDS,
    labels=st.dictionaries(_WORDS, _WORDS, max_size=5),
    fraction=st.floats(min_value=0, max_value=1, exclude_min=True),
    sequence=st.integers(min_value=1, max_value=2**53 - 1),
)
def test_what_yaml_can_say_is_read_as_json_would(
    version: str, notes: str, labels: dict[str, str], fraction: float, sequence: int
) -> None:
    content = {
        "product": "os",
        "channel": "stable",
        "image": "r.example/os:1",
        "version": version,
        "notes": notes,
        "sequence": sequence,
        "requires": {"labels": labels},
        "rollout": {"waves": [{"name": "a", "fraction": fraction}]},
    }
    expected = Release.model_validate_json(json.dumps(content))
    assert load(json.dumps(content)) == expected
    assert load(yaml.safe_dump(content, allow_unicode=True)) == expected


@SLOW_MACHINES
@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_our_error(raw: bytes) -> None:
    with pytest.raises(TidegateError):
        load_release(raw, "release.yaml")


@SLOW_MACHINES
@given(st.text("{}[]:-,\n \"'&*!|>#?%@ab01.~", max_size=60))
def test_no_yaml_raises_anything_but_our_error(text: str) -> None:
    with pytest.raises(TidegateError):
        load_release(text.encode(), "release.yaml")
