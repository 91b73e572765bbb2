from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.publishing import IMAGE
from tests.support.rollouts import a_gated_release
from tests.support.statements import NOON
from tidegate_publisher.compose import compose
from tidegate_publisher.release_faults import known_keys
from tidegate_publisher.release_file import load_release
from tidegate_publisher.rollout.endings import EXITS, MEANINGS, RolloutExit
from tidegate_publisher.rollout.figures import Figures, judge, passed_threshold
from tidegate_publisher.rollout.plan import make_plan, with_waves
from tidegate_publisher.rollout.thresholds import Limit, resolve
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.gates import Gate, OnFailure, share_of
from tidegate_schemas.rollout import Rollout, RolloutState, Wave

DOCS = Path(__file__).parents[4] / "docs"
HEAD = 'product: os\nchannel: stable\nimage: registry.example/os:1.2\nversion: "1.2"\n'


def gate_of(text: str) -> Gate:
    return load_release((HEAD + text).encode(), "release.yaml").gate


def refused(text: str) -> str:
    with pytest.raises(TidegateError) as caught:
        gate_of(text)
    assert caught.value.code is Code.RELEASE_INVALID
    return caught.value.reason


def test_the_pages_examples_are_valid_and_every_key_is_told() -> None:
    page = (DOCS / "rollouts.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 4
    for example in examples:
        release = load_release((HEAD + example).encode(), "rollouts.md")
        make_plan(with_waves(release), "run", "process")
    for key in known_keys(("gate",)):
        assert f"| `{key}` |" in page
    for key in known_keys(("gate", "silence")):
        assert f"| `{key}` |" in page
    for key in known_keys(("gate", "budget", 0)):
        assert f"| `budget[].{key}` |" in page
    for code in RolloutExit:
        assert f"\n| {code:d} | " in page
    assert set(MEANINGS) == set(RolloutExit)
    assert set(EXITS.values()) == set(RolloutExit) - {RolloutExit.USAGE}


def test_the_pages_defaults_are_so() -> None:
    page = (DOCS / "rollouts.md").read_text()
    gate = resolve(Gate(), Gate())
    assert (gate.success, gate.minimum_hosts, gate.ignore_offline) == (950_000, 1, True)
    assert gate.failures == Limit(50_000, 10)
    assert gate.silence == gate.dropouts == Limit(50_000, 10, None, timedelta(minutes=30))
    assert (gate.soak, gate.timeout) == (timedelta(minutes=30), timedelta(hours=24))
    assert gate.widen_every == timedelta(minutes=1)
    for row in ("`success` | `95%`", "`soak` | `30m`", "`timeout` | `24h`", "`widen_every` | `1m`"):
        assert f"| {row} |" in page


def test_a_waves_own_gate_stands_over_the_releases_key_by_key() -> None:
    default = gate_of("gate: {success: 80%, failures: {share: 2%, minimum: 40}}")
    over = gate_of("gate: {failures: {count: 1}, on_failure: revoke, soak: 0s}")
    gate = resolve(default, over)
    assert gate.success == 800_000
    assert gate.failures == Limit(20_000, 40, 1)
    assert (gate.on_failure, gate.soak) == (OnFailure.REVOKE, timedelta(0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gate: {success: 95}", "release.yaml:5: gate.success:"),
        ("gate: {success: 101%}", "expected a share such as 5% or 0.05"),
        ("gate: {sucess: 95%}", "did you mean success?"),
        ("gate: {soak: 10}", "release.yaml:5: gate.soak: '10' is not a duration: 10s or 10m?"),
        ("gate: {timeout: 0s}", "gate.timeout: '0s' is not between one second and ten years"),
        ("gate: {budget: [{by: site}]}", "gate.budget[0].at_most: is required"),
        ("gate: {budget: [{at_most: many}]}", "expected a number of hosts such as 10, or a share such as 5%"),
        ("gate: {budget: [{at_most: 0}]}", "gate.budget[0].at_most: expected a number of hosts"),
        ("gate: {budget: [{at_most: 1.5}]}", "gate.budget[0].at_most: expected a number of hosts"),
        ("gate: {failures: {after: 5m}}", "gate.failures.after: there is no such key"),
        ("gate: {silence: {after: soon}}", "release.yaml:5: gate.silence.after: 'soon' is not a duration"),
        ("rollout: {waves: [{name: a, gate: {soak: x}}]}", "rollout.waves[0].gate.soak"),
    ],
)
def test_what_is_wrong_with_a_gate_is_told_with_its_place(text: str, told: str) -> None:
    assert told in refused(text)


def test_labels_may_be_called_as_durations_are() -> None:
    release = load_release((HEAD + "requires: {labels: {after: x, timeout: never}}").encode(), "r")
    assert release.requires.labels == {"after": "x", "timeout": "never"}


def test_gates_never_enter_the_statement() -> None:
    release = a_gated_release(gate={"success": 0.123456})
    statement = compose(release, IMAGE, sequence=1, floor=0, now=NOON, seed="s")
    text = statement.to_json().decode()
    assert "gate" not in text.replace("tidegate", "")
    assert "123456" not in text


def test_a_statement_without_a_runner_is_as_it_was() -> None:
    assert b"runner" not in Rollout(seed="s").to_json()


def test_a_release_that_begins_held_cannot_be_led() -> None:
    with pytest.raises(TidegateError, match="this would begin held"):
        make_plan(a_gated_release(rollout={"state": RolloutState.HELD}), "r", "p")


def test_there_has_to_be_the_wave_that_is_waited_for() -> None:
    with pytest.raises(TidegateError, match="its waves are canary, everybody"):
        make_plan(a_gated_release(), "r", "p", until="tenth")


@pytest.mark.parametrize(
    ("waves", "same"),
    [
        ((Wave(name="canary", labels={"ring": "canary"}), Wave(name="everybody")), True),
        ((Wave(name="canary", labels={"ring": "canary"}), Wave(name="everybody", fraction=0.2)), False),
        ((Wave(name="canary"), Wave(name="everybody")), False),
        ((Wave(name="everybody"), Wave(name="canary", labels={"ring": "canary"})), False),
        ((Wave(name="canary", labels={"ring": "canary"}),), False),
    ],
)
def test_a_plan_knows_its_rollout_however_far_it_is(waves: tuple[Wave, ...], same: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    assert make_plan(a_gated_release(), "r", "p").describes(Rollout(seed="s", waves=waves)) is same


@given(st.integers(0, 100), st.integers(0, 5000))
def test_a_share_is_reckoned_exactly(percent: int, of: int) -> None:
    limit = Limit(percent * 10_000, 1)
    most = percent * of // 100
    assert not limit.passed(most, of)
    assert of == 0 or limit.passed(most + 1, of)
    assert share_of(f"{percent}%", of) == max(1, most)


@given(st.integers(0, 1_000_000), st.integers(0, 300), st.integers(0, 300), st.integers(0, 5))
def test_a_gate_is_met_by_enough_of_those_that_count(
    success: int, succeeded: int, others: int, minimum: int
) -> None:
    gate = resolve(Gate(), Gate(success=success / 1_000_000, minimum_hosts=minimum))
    seen = Figures(known=succeeded + others + 7, absent=7, waiting=others, succeeded=succeeded)
    expected = succeeded * 1_000_000 >= success * (succeeded + others) and succeeded >= minimum
    assert judge(gate, seen).met is expected


def test_the_minimum_keeps_a_share_from_counting_too_early() -> None:
    gate = resolve(Gate(), gate_of("gate: {failures: {share: 10%, minimum: 20}}"))
    assert passed_threshold(gate, Figures(known=100, failed=5, succeeded=14)) is None
    assert passed_threshold(gate, Figures(known=100, failed=5, succeeded=15)) is not None
