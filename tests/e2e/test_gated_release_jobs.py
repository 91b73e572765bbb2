"""The gated release jobs of docs/ci/ are run: canaries first, then all others, and nobody after a failure."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.support.ci_jobs import FailedJobError, GitHub, GitLab, pipeline
from tests.support.ci_world import World, site
from tests.support.documents import adapt, block
from tidegate_publisher.devstack.sigstore import github_claims
from tidegate_publisher.devstack.sigstore.claims import gitlab_claims
from tidegate_schemas.rollout import RolloutState
from tidegate_schemas.statement import parse_statement
from tidegate_wire.trust.describe import describe_unverified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.agent_process import AgentHost
    from tests.support.ci_jobs import Runner

pytestmark = [pytest.mark.real(name) for name in ("mosquitto", "docker-registry", "skopeo")]

GUIDE = "guides/gated-release.md"
TAG = "v1.2.3"
REF = f"refs/tags/{TAG}"


def prepared(runner: Runner) -> Runner:
    """With the guide's release file, whose waves soak for a second."""
    release = adapt(block(GUIDE, "release.yaml"), {"soak: 1h": "soak: 1s"})
    (runner.workspace / "release.yaml").write_text(release)
    return runner


def github(world: World) -> GitHub:
    claims = github_claims("acme/os", "release.yml", REF)
    runner = prepared(world.runner("github", claims["repository_id"]))
    kept = runner.folder / "kept"
    kept.mkdir()
    tokens = f"{world.sigstore_url}/dev/github-token"

    def keep(inputs: Mapping[str, str]) -> None:
        (runner.workspace / inputs["path"]).rename(kept / inputs["path"])

    return GitHub(
        pipeline(
            "github-gated-release.yml",
            {"ghcr.io/acme/os": world.image, "mqtts://broker.example:8883": world.broker},
        ),
        runner,
        {"github.token": "token", "secrets.BROKER_PASSWORD": "publisher's word"},
        {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "any",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{tokens}?repository=acme/os&ref={REF}",
        },
        {
            "actions/attest": lambda _: world.attach("provenance", claims),
            "actions/checkout": lambda _: None,
            "actions/setup-python": lambda _: None,
            "actions/upload-artifact": keep,
        },
        {
            "GITHUB_REF_NAME": TAG,
            "GITHUB_ACTOR": "somebody",
            "GITHUB_RUN_NUMBER": "7",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_STEP_SUMMARY": str(runner.folder / "summary.md"),
            "RUNNER_TEMP": str(runner.folder / "temp"),
        },
    )


def gitlab(world: World) -> GitLab:
    claims = gitlab_claims("acme/os", ref=REF)

    def token(audience: str) -> str:
        return world.sigstore.oidc.mint(claims, datetime.now(UTC), timedelta(hours=1), audience=audience)

    password = {"TIDEGATE_BROKER_PASSWORD_FILE": str(world.folder / "publisher.password")}
    return GitLab(
        pipeline("gitlab-gated-release.yml", {"mqtts://broker.example:8883": world.broker}),
        prepared(world.runner("gitlab", claims["project_id"])),
        {
            "CI_REGISTRY": world.registry,
            "CI_REGISTRY_IMAGE": world.image,
            "CI_REGISTRY_USER": "job",
            "CI_REGISTRY_PASSWORD": "token",
            "CI_COMMIT_TAG": TAG,
            "CI_PIPELINE_IID": "12",
            "CI_PIPELINE_ID": "90210",
        },
        {"release": password, "fleet": password},
        token,
    )


@contextlib.contextmanager
def two_hosts(world: World, ci: str, number: object) -> Iterator[tuple[AgentHost, AgentHost]]:
    """A canary, and one of all others."""
    with (
        world.host(ci, number, labels={"ring": "canary"}) as canary,
        world.host(ci, number, "edge-2") as other,
    ):
        yield canary, other


def runs_it(host: AgentHost) -> bool:
    return (host.rootfs / "etc/os-release").exists()


def rollout_state(world: World) -> RolloutState:
    held = world.held()
    assert held is not None
    return parse_statement(describe_unverified(held).payload).predicate.rollout.state


def resume(ci: GitHub, world: World) -> None:
    """A person lets the release go on."""
    password = f"--broker-user publisher --broker-password-file {world.folder}/publisher.password"
    command = f"tidegate resume os/stable --signers signers.toml --trust-broker {password}"
    done = ci.runner.run(command, {**ci.ambient, "TIDEGATE_BROKER": world.broker})
    assert done.returncode == 0, done.stderr


def test_github_leads_canaries_first_holds_when_cancelled_and_goes_on(tmp_path: Path) -> None:
    with site(tmp_path) as world:
        ci = github(world)
        with two_hosts(world, "github", github_claims("acme/os")["repository_id"]) as (canary, other):
            ci.run("build")
            ci.run("sign")
            assert "::notice::canary is done" in ci.run("canary")
            assert (runs_it(canary), runs_it(other)) == (True, False)
            # Somebody cancels the next job, thinks better of it, and repeats it: the same run goes on.
            (ci.runner.workspace / "waves-everybody.xml").touch()
            ci.run("fleet", cancelled_at="Lead")
            assert rollout_state(world) is RolloutState.HELD
            assert not runs_it(other)
            resume(ci, world)
            assert "::notice::everybody is done" in ci.run("fleet")
            assert runs_it(other)
        report = ET.parse(ci.runner.folder / "kept" / "waves-everybody.xml").getroot()  # noqa: S314 - our own
        assert [case.get("name") for case in report.iter("testcase")] == ["canary", "tenth", "everybody"]
        assert list(report.iter("failure")) == []
        assert "everybody" in (ci.runner.folder / "summary.md").read_text()


def test_a_canary_that_fails_in_github_holds_the_release(tmp_path: Path) -> None:
    with site(tmp_path, sick=True) as world:
        ci = github(world)
        with two_hosts(world, "github", github_claims("acme/os")["repository_id"]) as (_, other):
            ci.run("build")
            ci.run("sign")
            with pytest.raises(FailedJobError) as failed:
                ci.run("canary")
            assert failed.value.status == 1
            assert "::error::a gate was not met" in failed.value.printed
            assert rollout_state(world) is RolloutState.HELD
            assert not runs_it(other)
        report = ET.parse(ci.runner.folder / "kept" / "waves-canary.xml").getroot()  # noqa: S314 - our own
        assert [case.get("name") for case in report.iter("testcase") if case.find("failure") is not None] == [
            "canary"
        ]


def test_gitlab_leads_canaries_first_and_all_others_after_them(tmp_path: Path) -> None:
    with site(tmp_path) as world:
        ci = gitlab(world)
        claims = gitlab_claims("acme/os", ref=REF)
        with two_hosts(world, "gitlab", claims["project_id"]) as (canary, other):
            ci.run("build")
            ci.run("sign")
            world.attach("signature", claims)
            assert "canary is done" in ci.run("canary")
            assert (runs_it(canary), runs_it(other)) == (True, False)
            assert (ci.runner.workspace / "waves.xml").exists()
            assert "canary" in (ci.runner.workspace / "summary.md").read_text()
            ci.run("fleet", cancelled=True)
            assert rollout_state(world) is RolloutState.HELD
            assert not runs_it(other)
