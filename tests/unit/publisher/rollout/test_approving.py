from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tidegate_publisher.cli import cli
from tidegate_publisher.operations import Operation
from tidegate_publisher.options.device_keys import DeviceKeys
from tidegate_publisher.options.run import RunInput, allowed_hosts
from tidegate_publisher.rollout.plan import DEFAULT_LEASE
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path


def led() -> Stage:
    """A release whose run was killed while its canary soaked."""
    stage = Stage(a_gated_release(), a_fleet(5))
    assert stage.run(killed_after=20) is None
    return stage


def refused(stage: Stage, wave: str = "everybody") -> Code:
    held = stage.stands()
    with pytest.raises(TidegateError) as caught:
        stage.approve(wave)
    assert stage.stands() == held
    return caught.value.code


def test_an_approval_is_written_down_once_and_opens_nothing() -> None:
    stage = led()
    assert stage.approve("everybody").changed
    rollout = stage.stands().predicate.rollout
    assert rollout.runner is not None
    assert rollout.runner.approved == ("everybody",)
    assert [wave.open for wave in rollout.waves] == [True, False]
    assert not stage.approve("everybody").changed


def test_what_cannot_be_approved_is_refused() -> None:
    assert refused(led(), "nobody") is Code.ROLLOUT_WAVE
    stage = led()
    stage.operate(Operation.HOLD)
    assert refused(stage) is Code.ROLLOUT_HELD
    stage.operate(Operation.REVOKE)
    assert refused(stage) is Code.ROLLOUT_FINAL


@pytest.mark.parametrize("operation", [Operation.HOLD, Operation.PROMOTE, Operation.HEARTBEAT])
def test_what_an_operator_does_keeps_the_claim(operation: Operation) -> None:
    stage = led()
    before = stage.stands().predicate.rollout.runner
    stage.operate(operation)
    assert stage.stands().predicate.rollout.runner == before is not None


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
