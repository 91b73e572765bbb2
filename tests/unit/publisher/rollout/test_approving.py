from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tidegate_publisher.cli import cli
from tidegate_publisher.operations import Operation
from tidegate_publisher.options.device_keys import DeviceKeys
from tidegate_publisher.options.run import RunInput, allowed_hosts
from tidegate_publisher.rollout.decisions import AskApproval
from tidegate_publisher.rollout.plan import DEFAULT_LEASE
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path


ASKING = (
    {"name": "canary", "labels": {"ring": "canary"}},
    {"name": "half", "fraction": 0.5, "gate": {"approval": True}},
    {"name": "everybody"},
)


def led() -> Stage:
    """A release whose run was killed while its canary soaked."""
    stage = Stage(a_gated_release(), a_fleet(5))
    assert stage.run(killed_after=20) is None
    return stage


def asking() -> Stage:
    """A release whose run was killed while it waited for the approval of `half`."""
    stage = Stage(a_gated_release(ASKING), a_fleet(5))
    assert stage.run(killed_after=60) is None
    assert isinstance(stage.teller.decisions[-1], AskApproval)
    return stage


def refused(stage: Stage, wave: str = "everybody") -> TidegateError:
    held = stage.stands()
    with pytest.raises(TidegateError) as caught:
        stage.approve(wave)
    assert stage.stands() == held
    return caught.value


def test_an_approval_is_written_down_once_and_opens_nothing() -> None:
    stage = asking()
    assert stage.approve("half").changed
    rollout = stage.stands().predicate.rollout
    assert rollout.runner is not None
    assert rollout.runner.approved == ("half",)
    assert [wave.open for wave in rollout.waves] == [True, False, False]
    assert not stage.approve("half").changed


@pytest.mark.parametrize(
    ("wave", "why"),
    [
        ("canary", "The wave canary is open already"),
        ("everybody", "No approval of the wave everybody is asked for"),
    ],
)
def test_a_wave_that_is_not_asked_for_is_refused_and_the_one_that_is_gets_named(wave: str, why: str) -> None:
    stage = asking()
    fault = refused(stage, wave)
    sequence = stage.stands().predicate.sequence
    command = f"tidegate rollout approve os/stable half --expect-sequence {sequence}"
    assert (fault.code, fault.reason) == (
        Code.ROLLOUT_UNASKED,
        f"{why}; the run asks for the wave half: {command}",
    )


def test_what_cannot_be_approved_is_refused() -> None:
    assert refused(led()).code is Code.ROLLOUT_UNASKED
    assert refused(led(), "nobody").code is Code.ROLLOUT_WAVE
    stage = led()
    stage.clock.advance(2 * DEFAULT_LEASE)
    assert refused(stage).code is Code.ROLLOUT_UNLED
    stage.operate(Operation.HOLD)
    assert refused(stage).code is Code.ROLLOUT_HELD
    stage.operate(Operation.REVOKE)
    assert refused(stage).code is Code.ROLLOUT_FINAL


@pytest.mark.parametrize("operation", [Operation.HOLD, Operation.PROMOTE, Operation.HEARTBEAT])
def test_what_an_operator_does_keeps_the_claim(operation: Operation) -> None:
    stage = led()
    before = stage.stands().predicate.rollout.runner
    stage.operate(operation)
    assert stage.stands().predicate.rollout.runner == before is not None


def test_a_claim_ends_where_a_held_release_goes_on() -> None:
    stage = led()
    stage.operate(Operation.HOLD)
    stage.operate(Operation.RESUME)
    runner = stage.stands().predicate.rollout.runner
    assert runner is not None
    assert (runner.id, runner.until) == ("run-1", None)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"GITHUB_RUN_ID": "81"}, "github-81"),
        ({"CI_PIPELINE_ID": "7"}, "gitlab-7"),
        (
            {"GITHUB_RUN_ID": "81", "GITHUB_REPOSITORY": "acme/os", "GITHUB_JOB": "roll"},
            "github-acme/os-81-roll",
        ),
        ({"CI_PIPELINE_ID": "7", "CI_PROJECT_PATH": "a/b", "CI_JOB_NAME": "a job"}, "gitlab-a/b-7-a_job"),
        ({"GITHUB_RUN_ID": ""}, "drawn"),
        ({}, "drawn"),
    ],
)
def test_a_run_has_the_name_that_ci_gives_it(environment: dict[str, str], name: str) -> None:
    given = RunInput(None, take_over=False, claim_for=DEFAULT_LEASE, until=None)
    assert given.name(environment, "drawn") == name
    named = RunInput("mine", take_over=False, claim_for=DEFAULT_LEASE, until=None)
    assert named.name(environment, "drawn") == "mine"


def test_a_file_of_hosts_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("# ours\nedge-1\n  edge-2  # the lab\n\n")
    assert allowed_hosts(path, DeviceKeys(None)) == frozenset({"edge-1", "edge-2"})
    assert allowed_hosts(None, DeviceKeys(None)) is None
    path.write_text("edge 1\n")
    with pytest.raises(TidegateError) as caught:
        allowed_hosts(path, DeviceKeys(None))
    assert caught.value.code is Code.HOST_ID


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run"], "name a release file"),
        (["run", "--version", "1.0"], "say whom hosts trust"),
        (["run", "--identity", "a@b", "--issuer", "https://c"], "name a release file"),
        (["run", "--claim-for", "10s"], "a claim lasts a minute at least"),
        (["run", "--run-id", "a b"], "is not 1 to 100 letters"),
        (["plan"], "name a release file"),
        (["status", "os"], "is not PRODUCT/CHANNEL"),
        (["approve", "os/stable", "rest"], "say where the channel stands"),
        (["approve", "os/stable"], "Missing argument"),
        (["runn"], "did you mean run?"),
    ],
)
def test_a_wrong_command_line_is_told(words: list[str], told: str) -> None:
    ran = CliRunner().invoke(
        cli, ["rollout", *words], env={"TIDEGATE_BROKER": None, "TIDEGATE_SIGNERS": None}
    )
    assert (ran.exit_code, told in ran.stderr) == (2, True), ran.stderr
