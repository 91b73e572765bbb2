"""The release jobs of docs/ci/ as they stand, and the hosts' policy that docs/guides/release-job.md gives."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.conftest import find_program
from tests.support.agent_process import AgentHost
from tests.support.attaching import BUNDLE_V03, attach_to_registry
from tests.support.brokers import MosquittoBroker, free_port
from tests.support.ci_jobs import FailedJobError, GitHub, GitLab, Runner, pipeline
from tests.support.documents import DOCS, adapt, block
from tests.support.layouts import ImageBuilder, file
from tests.support.registries import RealRegistry
from tidegate_publisher.devstack.sigstore import LocalSigstore, github_claims
from tidegate_publisher.devstack.sigstore.claims import gitlab_claims
from tidegate_publisher.devstack.sigstore.service.server import serve
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate_publisher.devstack.sigstore.claims import Claims

GUIDE = "guides/release-job.md"
TAG = "v1.2.3"
USERS = ("publisher", "watcher", "edge-1")
PREDICATES = {
    "provenance": "https://slsa.dev/provenance/v1",
    "signature": "https://sigstore.dev/cosign/sign/v1",
}


def documented(name: str) -> dict[Any, Any]:
    return yaml.safe_load((DOCS / "ci" / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return] # YAML


def test_a_github_job_may_do_what_it_needs_and_no_more() -> None:
    workflow = documented("github-release.yml")
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "build": {"contents": "read", "packages": "write"},
        "sign": {"packages": "write", "id-token": "write", "attestations": "write"},
        "announce": {"contents": "read", "packages": "read", "id-token": "write"},
        "rollout": {},
    }
    assert workflow["jobs"]["announce"]["environment"] == "release"
    assert workflow.get(True) == {
        "push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}
    }  # YAML 1.1 takes `on` for a boolean
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_github_actions_are_pinned_and_nothing_is_pasted_into_scripts() -> None:
    steps = [step for job in documented("github-release.yml")["jobs"].values() for step in job["steps"]]
    for step in steps:
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
            assert "with" not in step or "${{ secrets" not in str(step["with"])
        else:
            # An expression would be pasted in before the shell reads the line: a tag's name is code then.
            assert "${{" not in step["run"]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_only_what_signs_in_gitlab_has_an_identity() -> None:
    jobs = documented("gitlab-release.yml")
    signing = {name for name, job in jobs.items() if isinstance(job, dict) and "id_tokens" in job}
    assert signing == {"sign", "announce"}
    (rule,) = jobs["workflow"]["rules"]
    assert '$CI_COMMIT_REF_PROTECTED == "true"' in rule["if"]
    assert jobs["announce"]["resource_group"]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_job_verifies_by_what_hosts_are_told(ci: str) -> None:
    (follow,) = tomllib.loads(block(GUIDE, f"{ci}-host.toml"))["follow"]
    told = {key: follow[key] for key in ("signers", "image_predicates")}
    assert tomllib.loads(block(GUIDE, f"{ci}-signers.toml")) == told
    assert follow["image_signature"] == "required"


@dataclass(frozen=True)
class World:
    """Everything that a release job meets.

    Attributes:
        folder: of the test.
        sigstore: whose tokens and certificates there are.
        sigstore_url: where it is served.
        broker: its URL; it has the users and the rules of docs/brokers.md.
        registry: host and port.
        digest: of the image that a build results in.
    """

    folder: Path
    sigstore: LocalSigstore
    sigstore_url: str
    broker: str
    registry: str
    digest: str

    @property
    def image(self) -> str:
        return f"{self.registry}/acme/os"

    def runner(self, ci: str, number: object) -> Runner:
        """A machine with the repository's files; `number` is the repository's."""
        trust = self.folder / "trust_config.json"
        trust.write_text(self.sigstore.client_trust_config_json(self.sigstore_url))
        runner = Runner(
            self.folder / "runner",
            f"{self.folder}/layout:built",
            {
                "TIDEGATE_TRUST_CONFIG": str(trust),
                "CONTAINERS_REGISTRIES_CONF": str(self.registries_conf),
            },
        )
        (runner.workspace / "release.yaml").write_text(block(GUIDE, "release.yaml"))
        signers = adapt(block(GUIDE, f"{ci}-signers.toml"), {"123456789": str(number)})
        (runner.workspace / "signers.toml").write_text(signers)
        return runner

    @property
    def registries_conf(self) -> Path:
        return self.folder / "registries.conf"

    def attach(self, predicate: str, claims: Claims) -> None:
        """Sign the image as cosign 3 or GitHub's action does: a bundle beside it, in the registry."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": self.image, "digest": {"sha256": self.digest.removeprefix("sha256:")}}],
            "predicateType": PREDICATES[predicate],
            "predicate": {},
        }
        bundle = self.sigstore.sign_statement(json.dumps(statement).encode(), claims)
        attach_to_registry(f"http://{self.registry}", "acme/os", self.digest, bundle, BUNDLE_V03)

    def bus(self, user: str) -> BusSettings:
        return BusSettings(
            url=self.broker, username=user, password_file=self.folder / f"{user}.password", protocol="5"
        )

    def held(self) -> bytes | None:
        """What the channel holds."""
        with PublisherSession(self.bus("watcher")) as session:
            return session.read_retained(Topics().channel("os", "stable"))

    @contextlib.contextmanager
    def host(self, ci: str, number: object) -> Iterator[AgentHost]:
        """A running host with the documented policy."""
        documented = tomllib.loads(adapt(block(GUIDE, f"{ci}-host.toml"), {"123456789": str(number)}))
        assert documented["trust"] == {"root": "public-good"}  # the test's is another one
        follow: Mapping[str, Any] = {k: v for k, v in documented["follow"][0].items() if k != "embedded"}
        host = AgentHost(
            self.folder / "host",
            self.bus("edge-1"),
            self.sigstore,
            embedded={"registries_conf": str(self.registries_conf)},
            follow=follow,
        )
        with host.running():
            yield host


def broker_with_rules(folder: Path) -> MosquittoBroker:
    """Mosquitto with a user for each, and the rules of docs/brokers.md."""
    passwords, rules, port = folder / "passwords", folder / "rules.acl", free_port()
    passwords.touch(0o600)
    program = find_program("mosquitto_passwd")
    assert program is not None
    for user in USERS:
        subprocess.run([program, "-b", str(passwords), user, f"{user}'s word"], check=True)
        (folder / f"{user}.password").write_text(f"{user}'s word\n")
        (folder / f"{user}.password").chmod(0o600)
    rules.write_text(block("brokers.md", "tidegate.acl"))
    rules.chmod(0o600)
    config = (
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nacl_file {rules}\n"
    )
    return MosquittoBroker(folder, config, port)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    images = ImageBuilder(tmp_path / "layout")
    digest = images.layer([file("etc/os-release", b"ID=acme\n")]).build(tag="built")
    sigstore = LocalSigstore.create()
    with (
        serve(sigstore) as url,
        broker_with_rules(tmp_path) as broker,
        RealRegistry(tmp_path) as registry,
    ):
        found = World(tmp_path, sigstore, url, broker.url, registry.host, digest)
        found.registries_conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
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


@pytest.mark.real("mosquitto")
@pytest.mark.real("docker-registry")
@pytest.mark.real("skopeo")
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


@pytest.mark.real("mosquitto")
@pytest.mark.real("docker-registry")
@pytest.mark.real("skopeo")
def test_a_branch_in_github_announces_nothing(world: World) -> None:
    ci = github(world, "refs/heads/v1.2.3")
    ci.run("build")
    ci.run("sign")
    with pytest.raises(FailedJobError) as refused:
        ci.run("announce")
    assert refused.value.status == 4
    assert "its workflow ref is 'refs/heads/v1.2.3'" in refused.value.words
    assert world.held() is None


@pytest.mark.real("mosquitto")
@pytest.mark.real("docker-registry")
@pytest.mark.real("skopeo")
def test_an_image_without_provenance_is_not_announced(world: World) -> None:
    ci = github(world)
    ci.run("build")
    with pytest.raises(FailedJobError) as refused:
        ci.run("announce")
    assert refused.value.status == 4
    assert "[image.unsigned]" in refused.value.words
    assert world.held() is None


@pytest.mark.real("mosquitto")
@pytest.mark.real("docker-registry")
@pytest.mark.real("skopeo")
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
