"""The release jobs of docs/ci/ are run, up to a host with the policy that docs/guides/release-job.md has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.ci_jobs import FailedJobError, GitHub, GitLab, pipeline
from tests.support.ci_world import World, site
from tidegate_publisher.devstack.sigstore import github_claims
from tidegate_publisher.devstack.sigstore.claims import gitlab_claims

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.real(name) for name in ("mosquitto", "docker-registry", "skopeo")]

TAG = "v1.2.3"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with site(tmp_path) as found:
        yield found


def github(world: World, ref: str = f"refs/tags/{TAG}") -> GitHub:
    """The documented workflow, begun by a push of this ref to acme/os."""
    claims = github_claims("acme/os", "release.yml", ref)
    changes = {
        "ghcr.io/acme/os": world.image,
        "mqtts://broker.example:8883": world.broker,
        'HOSTS: "10"': "HOSTS: 1",
    }
    runner = world.runner("github", claims["repository_id"])
    tokens = f"{world.sigstore_url}/dev/github-token"

    def attest(inputs: Mapping[str, str]) -> None:
        assert inputs["subject-name"] == world.image
        assert inputs["subject-digest"] == world.digest
        assert inputs["push-to-registry"] == "true"
        world.attach("provenance", claims)

    return GitHub(
        pipeline("github-release.yml", changes),
        runner,
        {
            "github.token": "token",
            "secrets.BROKER_PASSWORD": "publisher's word",
            "secrets.WATCHER_PASSWORD": "watcher's word",
        },
        {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "any",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{tokens}?repository=acme/os&ref={ref}",
        },
        {
            "actions/attest": attest,
            "actions/checkout": lambda _: None,
            "actions/setup-python": lambda _: None,
        },
        {
            "GITHUB_REF_NAME": ref.rpartition("/")[2],
            "GITHUB_ACTOR": "somebody",
            "GITHUB_RUN_NUMBER": "7",
            "RUNNER_TEMP": str(runner.folder / "temp"),
        },
    )


def test_a_tag_in_github_becomes_what_hosts_run(world: World) -> None:
    ci = github(world)
    with world.host("github", github_claims("acme/os")["repository_id"]) as host:
        ci.run("build")
        ci.run("sign")
        announced = ci.run("announce")
        ci.run("rollout")  # ends well only if the host says that it runs this image
        assert "sequence  7000" in announced
        assert (host.rootfs / "etc/os-release").read_text() == "ID=acme\n"
        assert host.follow().sequence == 7000

        # The same run once more: refused, and nothing changes.
        held = world.held()
        with pytest.raises(FailedJobError) as again:
            ci.run("announce")
        assert again.value.status == 4
        assert "[sequence." in again.value.words
        assert world.held() == held


def test_a_branch_in_github_announces_nothing(world: World) -> None:
    ci = github(world, "refs/heads/v1.2.3")
    ci.run("build")
    ci.run("sign")
    with pytest.raises(FailedJobError) as refused:
        ci.run("announce")
    assert refused.value.status == 4
    assert "its workflow ref is 'refs/heads/v1.2.3'" in refused.value.words
    assert world.held() is None


def test_an_image_without_provenance_is_not_announced(world: World) -> None:
    ci = github(world)
    ci.run("build")
    with pytest.raises(FailedJobError) as refused:
        ci.run("announce")
    assert refused.value.status == 4
    assert "[image.unsigned]" in refused.value.words
    assert world.held() is None


def test_a_tag_in_gitlab_becomes_what_hosts_run(world: World) -> None:
    claims = gitlab_claims("acme/os", ref=f"refs/tags/{TAG}")
    runner = world.runner("gitlab", claims["project_id"])

    def token(audience: str) -> str:
        return world.sigstore.oidc.mint(claims, datetime.now(UTC), timedelta(minutes=5), audience=audience)

    ci = GitLab(
        pipeline(
            "gitlab-release.yml", {"mqtts://broker.example:8883": world.broker, 'HOSTS: "10"': "HOSTS: 1"}
        ),
        runner,
        {
            "CI_REGISTRY": world.registry,
            "CI_REGISTRY_IMAGE": world.image,
            "CI_REGISTRY_USER": "job",
            "CI_REGISTRY_PASSWORD": "token",
            "CI_COMMIT_TAG": TAG,
            "CI_PIPELINE_IID": "12",
        },
        {
            "release": {"TIDEGATE_BROKER_PASSWORD_FILE": str(world.folder / "publisher.password")},
            "watch": {"TIDEGATE_BROKER_PASSWORD_FILE": str(world.folder / "watcher.password")},
        },
        token,
    )
    with world.host("gitlab", claims["project_id"]) as host:
        ci.run("build")
        ci.run("sign")
        assert f"cosign sign --yes {world.image}@{world.digest}" in runner.calls
        world.attach("signature", claims)
        assert "sequence  12000" in ci.run("announce")
        ci.run("rollout")
        assert (host.rootfs / "etc/os-release").read_text() == "ID=acme\n"
