"""What a release job meets, all real: a broker with the documented rules, a registry, a host, a Sigstore.

with site(tmp_path) as world:
    runner = world.runner("github", repository_id)
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import find_program
from tests.support.agent_process import AgentHost
from tests.support.attaching import BUNDLE_V03, attach_to_registry
from tests.support.brokers import MosquittoBroker, free_port
from tests.support.ci_jobs import Runner
from tests.support.documents import adapt, block
from tests.support.layouts import ImageBuilder, file
from tests.support.registries import RealRegistry
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_publisher.devstack.sigstore.service.server import serve
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate_publisher.devstack.sigstore.claims import Claims

GUIDE = "guides/release-job.md"
USERS = ("publisher", "watcher", "edge-1", "edge-2")
PREDICATES = {
    "provenance": "https://slsa.dev/provenance/v1",
    "signature": "https://sigstore.dev/cosign/sign/v1",
}


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
    def host(
        self, ci: str, number: object, name: str = "edge-1", labels: Mapping[str, str] | None = None
    ) -> Iterator[AgentHost]:
        """A running host with the documented policy."""
        documented = tomllib.loads(adapt(block(GUIDE, f"{ci}-host.toml"), {"123456789": str(number)}))
        assert documented["trust"] == {"root": "public-good"}  # the test's is another one
        follow: Mapping[str, Any] = {k: v for k, v in documented["follow"][0].items() if k != "embedded"}
        host = AgentHost(
            self.folder / name,
            self.bus(name),
            self.sigstore,
            embedded={"registries_conf": str(self.registries_conf)},
            follow=follow,
            tables={"host": {"id": name, "labels": dict(labels or {})}},
            name=name,
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


@contextlib.contextmanager
def site(folder: Path, *, sick: bool = False) -> Iterator[World]:
    """A world for the length of a block, in which a build results in an image that is `sick` or not."""
    images = ImageBuilder(folder / "layout")
    files = [file("etc/os-release", b"ID=acme\n"), *([file("etc/sick", b"")] if sick else [])]
    digest = images.layer(files).build(tag="built")
    sigstore = LocalSigstore.create()
    with (
        serve(sigstore) as url,
        broker_with_rules(folder) as broker,
        RealRegistry(folder) as registry,
    ):
        found = World(folder, sigstore, url, broker.url, registry.host, digest)
        found.registries_conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        yield found
