"""The real cosign, versions 3 and 2, against a local Sigstore that is served over HTTP.

site = SigstoreSite(folder, sigstore, url)
Cosign3(site).sign(f"{host}/os@{digest}")
"""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import find_program
from tests.support.publisher import RELEASER, Ran, succeeded
from tests.support.sigstore_site import without_operators

if TYPE_CHECKING:
    from tests.support.sigstore_site import Proof, SigstoreSite
    from tidegate_publisher.devstack.sigstore.claims import Claims


@dataclass(frozen=True)
class KeyPair:
    """A key pair in cosign's files."""

    private: Path
    public: Path

    @property
    def public_pem(self) -> str:
        return self.public.read_text()


class Cosign(ABC):
    """cosign with a HOME of its own and nothing of the caller's environment."""

    def __init__(self, program: str, site: SigstoreSite, environment: dict[str, str] | None = None) -> None:
        found = find_program(program)
        assert found is not None, f"{program} is not installed"
        self._program = found
        self._site = site
        own = {"PATH": os.environ["PATH"], "HOME": str(site.folder), "COSIGN_PASSWORD": "secret"}
        self._environment = own | (environment or {})

    def run(self, *words: str) -> Ran:
        """Run it with these words."""
        done = subprocess.run(
            [self._program, *words],
            cwd=self._site.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def sign(self, image: str, *how: str, proof: Proof = "v1", claims: Claims = RELEASER) -> None:
        """Sign an image without a key of one's own, as whoever the claims say."""
        succeeded(self.run("sign", *self._keyless(claims, proof), *how, image))

    def sign_with_key(self, image: str, pair: KeyPair, proof: Proof = "nothing") -> None:
        """Sign an image with a key pair."""
        succeeded(self.run("sign", "--key", str(pair.private), *self._services(proof), image))

    def attest(self, image: str, predicate: Path, *how: str, claims: Claims = RELEASER) -> None:
        """Sign a SLSA provenance of an image."""
        words = ("--type", "slsaprovenance1", "--predicate", str(predicate), *how)
        succeeded(self.run("attest", *self._keyless(claims, "v1"), *words, image))

    def verify_attestation(self, subject: Path, *, root: Path, **options: str) -> Ran:
        """Verify a bundle over a statement about a file; `options` are cosign's, with underscores."""
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        return self.run("verify-blob-attestation", *words, *self._by_root(root), str(subject))

    def _by_root(self, root: Path) -> tuple[str, ...]:
        return ("--trusted-root", str(root))

    def _keyless(self, claims: Claims, proof: Proof) -> tuple[str, ...]:
        return ("--identity-token", self._site.token(claims), *self._services(proof))

    @abstractmethod
    def _services(self, proof: Proof) -> tuple[str, ...]:
        """The options that name the services to ask."""


class Cosign3(Cosign):
    """cosign 3: told by a signing config whom to ask; writes Sigstore bundles."""

    def __init__(self, site: SigstoreSite) -> None:
        super().__init__("cosign3", site)

    def key_pair(self, name: str) -> KeyPair:
        """A new key pair."""
        succeeded(self.run("generate-key-pair", "--output-key-prefix", name))
        return KeyPair(self._site.folder / f"{name}.key", self._site.folder / f"{name}.pub")

    def attest_blob(self, *what: str, proof: Proof = "v1", claims: Claims = RELEASER) -> bytes:
        """Sign a statement about a file, and return the bundle."""
        return self._attest_blob(*self._keyless(claims, proof), *what)

    def attest_blob_with_key(self, pair: KeyPair, *what: str, proof: Proof = "nothing") -> bytes:
        """The same with a key pair."""
        return self._attest_blob("--key", str(pair.private), *self._services(proof), *what)

    def _attest_blob(self, *words: str) -> bytes:
        bundle = self._site.folder / "attested.json"
        succeeded(self.run("attest-blob", "--bundle", str(bundle), *words))
        return bundle.read_bytes()

    def _services(self, proof: Proof) -> tuple[str, ...]:
        config, root = self._site.signing_config(proof), self._site.root
        return ("--yes", "--signing-config", str(config), "--trusted-root", str(root))


class Cosign2(Cosign):
    """cosign 2: told by options whom to ask; knows Rekor v1 only."""

    def __init__(self, site: SigstoreSite) -> None:
        super().__init__("cosign2", site, site.keys_for_cosign2())

    def _services(self, proof: Proof) -> tuple[str, ...]:
        if proof == "nothing":
            return ("--yes", "--tlog-upload=false")
        return ("--yes", "--fulcio-url", self._site.url, "--rekor-url", self._site.url)

    def _by_root(self, root: Path) -> tuple[str, ...]:
        return ("--new-bundle-format", "--trusted-root", str(without_operators(root)))
