"""Foreign tools on one machine: cosign 3 and 2, a local Sigstore over HTTP, two kinds of registry."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attaching import RegistryPusher
from tests.support.cosign import Cosign2, Cosign3, KeyPair
from tests.support.images import image, index
from tests.support.olareg import Olareg
from tests.support.registries import RealRegistry
from tests.support.sigstore_site import SigstoreSite
from tidegate_agent.adapters.image_signatures import RegistryImageSignatures
from tidegate_agent.adapters.verifier_child import VerifyingChild
from tidegate_agent.model import ImageTarget
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_publisher.devstack.sigstore.service.server import serve
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings
from tidegate_wire.trust.policy import ImagePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_wire.registry.source import ImageSource
    from tidegate_wire.trust.policy import SignerPolicy

AMD64 = image({"etc/os-release": b"ID=test\n"})
ARM64 = image({"etc/os-release": b"ID=test\n"}, architecture="arm64")
INDEX = index(("amd64", AMD64), ("arm64", ARM64))


@dataclass(frozen=True)
class Repository:
    """A repository of a real registry that holds a multi-arch image, signed by nobody yet.

    Attributes:
        host: the registry.
        name: of the repository.
        folder: for the registry's configuration.
        amd64: digest of one of the image's platforms.
        arm64: of the other.
        index: of the whole.
    """

    host: str
    name: str
    folder: Path
    amd64: str = AMD64.digest
    arm64: str = ARM64.digest
    index: str = digest_of(INDEX)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def image(self, digest: str) -> str:
        """The reference by which cosign signs."""
        return f"{self.host}/{self.name}@{digest}"

    def manifest(self, name: str) -> bytes | None:
        """A manifest by tag or digest."""
        with RegistryPusher(self.url, self.name) as pusher:
            return pusher.manifest(name)

    def source(self, reference: str) -> ImageSource:
        """The repository as the agent reads it."""
        conf = self.folder / f"{self.host}.conf"
        conf.write_text(f'[[registry]]\nlocation = "{self.host}"\ninsecure = true\n')
        return open_source(parse_reference(reference), RegistrySettings(registries_conf=conf))

    def signers(self, digest: str, policy: SignerPolicy, root: Path | None) -> tuple[str, ...]:
        """Who signed the image, as the agent finds it before it stages: the real search and the real child.

        Raises:
            TidegateError: it is not signed as the policy asks.
        """
        port = RegistryImageSignatures(VerifyingChild(root), ImagePolicy(policy), self.source)
        return port.require(ImageTarget(digest, (f"{self.host}/{self.name}",), "amd64"), lambda: False)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreSite]:
    sigstore = LocalSigstore.create()
    with serve(sigstore) as url:
        yield SigstoreSite(tmp_path_factory.mktemp("sigstore"), sigstore, url)


@pytest.fixture(scope="session")
def other_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trusted root of another Sigstore."""
    path = tmp_path_factory.mktemp("other") / "trusted_root.json"
    path.write_text(LocalSigstore.create().trusted_root_json())
    return path


@pytest.fixture(scope="session")
def cosign3(site: SigstoreSite) -> Cosign3:
    return Cosign3(site)


@pytest.fixture(scope="session")
def cosign2(site: SigstoreSite) -> Cosign2:
    return Cosign2(site)


@pytest.fixture(scope="session")
def pair(cosign3: Cosign3) -> KeyPair:
    return cosign3.key_pair("cosign")


@pytest.fixture(scope="session")
def other_pair(cosign3: Cosign3) -> KeyPair:
    return cosign3.key_pair("other")


@pytest.fixture(scope="session")
def olareg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Olareg(tmp_path_factory.mktemp("olareg")) as running:
        yield running.host


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RealRegistry(tmp_path_factory.mktemp("docker-registry")) as running:
        yield running.host


_numbers = itertools.count()


@pytest.fixture(
    params=[
        pytest.param("olareg", marks=pytest.mark.real("olareg"), id="referrers-api"),
        pytest.param("docker_registry", marks=pytest.mark.real("docker-registry"), id="fallback-tag"),
    ]
)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    made = Repository(request.getfixturevalue(request.param), f"os-{next(_numbers)}", tmp_path)
    with RegistryPusher(made.url, made.name) as pusher:
        for each in (AMD64, ARM64):
            for blob in each.blobs.values():
                pusher.put_blob(blob)
            pusher.put_manifest(each.digest, each.manifest)
        pusher.put_manifest("v1", INDEX)
    return made
