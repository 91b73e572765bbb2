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


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """
prodct: os
channel: stable
image: registry.example/os:1.2
version: 1.2
expires_in: 14
rollout:
  waves:
    - {name: one, fraction: 10}
    - {name: one, opens_at: soon}
gate:
  sucess: 95%
  soak: 10
  failures: {min: 5}
  silence: {after: 10}
  on_failure: stop
  budget: [{by: site}]
  widenEvery: 0s
gates: {}
"""
    wave = "rollout.waves"
    assert refusal(text).reason.splitlines() == [
        "release.yaml:2: prodct: there is no such key; did you mean product?",
        "release.yaml:5: version: expected text in quotes, not 1.2",
        "release.yaml:6: expires_in: '14' is not a duration: 14h or 14d?",
        f"release.yaml:9: {wave}[0].fraction: expected a share such as 5% or 0.05, not 10; did you mean 10%?",
        f"release.yaml:10: {wave}[1].opens_at: expected a moment such as 2026-03-02T12:00:00Z, not 'soon'",
        "release.yaml:10: rollout.waves[1].name: a wave before has the name 'one' already",
        "release.yaml:12: gate.sucess: there is no such key; did you mean success?",
        "release.yaml:13: gate.soak: '10' is not a duration: 10s or 10m?",
        "release.yaml:14: gate.failures.min: there is no such key; did you mean minimum?",
        "release.yaml:15: gate.silence.after: '10' is not a duration: 10s or 10m?",
        "release.yaml:16: gate.on_failure: expected 'hold' or 'revoke', not 'stop'",
        "release.yaml:17: gate.budget[0].at_most: is required",
        "release.yaml:18: gate.widenEvery: '0s' is not between one second and ten years",
        "release.yaml:19: gates: there is no such key; did you mean gate?",
    ]


def test_a_key_that_the_flags_give_is_not_missing_for_its_misspelt_twin() -> None:
    text = MINIMAL.replace("product", "prodct")
    assert refusal(text, product="os").reason == (
        "release.yaml:2: prodct: there is no such key; did you mean product?"
    )


def test_a_file_full_of_faults_is_told_in_part() -> None:
    *told, last = refusal(MINIMAL + "".join(f"x{number}: 1\n" for number in range(1000))).reason.splitlines()
    assert (len(told), last) == (30, "and 970 more")


@pytest.mark.parametrize(
    ("written", "share"), [("10%", 0.1), ("0.1", 0.1), ("29%", 0.29), ("1", 1.0), ("0.25%", 0.0025)]
)
def test_a_share_may_be_written_either_way_wherever_one_is_asked_for(written: str, share: float) -> None:
    release = load(
        MINIMAL
        + f"rollout: {{waves: [{{name: a, fraction: {written}}}]}}\n"
        + f"gate: {{success: {written}, failures: {{share: {written}}}}}\n"
    )
    (wave,) = release.rollout.waves
    assert (wave.fraction, release.gate.success, release.gate.failures.share) == (share, share, share)


@pytest.mark.parametrize("fraction", ["0", "0%", "101%", "1.5", '"0.1"', "true", "[1]", "ten"])
def test_a_fraction_is_a_share_of_something(fraction: str) -> None:
    text = MINIMAL + f"rollout:\n  waves:\n    - {{name: a, fraction: {fraction}}}\n"
    assert "release.yaml:8: rollout.waves[0].fraction: " in refusal(text).reason


@pytest.mark.parametrize(
    ("written", "amount"), [("10", 10), ("5%", "5%"), ("0.05", "5%"), ("0.333333", "33.3333%")]
)
def test_a_budget_is_a_number_of_hosts_or_a_share(written: str, amount: int | str) -> None:
    (budget,) = load(MINIMAL + f"gate: {{budget: [{{at_most: {written}}}]}}\n").gate.budget or ()
    assert budget.at_most == amount


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("1.0", "expected 1 for one host, or 100% for all of them"),
        ("0", "expected a number of hosts such as 10, or a share such as 5% or 0.05, not 0"),
        ("0.00000001", "expected a number of hosts such as 10"),
        ("1.5", "expected a number of hosts such as 10"),
    ],
)
def test_what_is_no_budget(written: str, told: str) -> None:
    assert (
        f"gate.budget[0].at_most: {told}"
        in refusal(MINIMAL + f"gate: {{budget: [{{at_most: {written}}}]}}\n").reason
    )


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
        (MINIMAL + "expires_in: 14\n", "release.yaml:6: expires_in: '14' is not a duration: 14h or 14d?"),
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
