"""The real cosign, versions 3 and 2, against a local Sigstore that is served over HTTP.

site = SigstoreSite(folder, sigstore, url)
Cosign3(site).sign(f"{host}/os@{digest}")
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from tests.conftest import find_program
from tests.support.publisher import RELEASER, Ran, succeeded

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.claims import Claims
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

Proof = Literal["nothing", "timestamp", "v1", "v2"]
"""What a signer is told to collect: a timestamp only, or an entry of Rekor v1 or v2."""

_PROOFS: dict[Proof, set[str]] = {
    "nothing": {"rekorTlogUrls", "rekorTlogConfig", "tsaUrls", "tsaConfig"},
    "timestamp": {"rekorTlogUrls", "rekorTlogConfig"},
    "v1": set(),
    "v2": set(),
}


class SigstoreSite:
    """A served Sigstore's files for clients.

    Args:
        folder: where they are written.
        sigstore: the instance. Its logs must not be empty: cosign leaves out a log index of 0, and an empty
            list of hashes, and no other client takes such a bundle.
        url: where it is served.
    """

    def __init__(self, folder: Path, sigstore: LocalSigstore, url: str) -> None:
        for rekor in ("v1", "v2"):
            sigstore.sign_statement(b"{}", RELEASER, rekor=rekor)
        self.folder = folder
        self.sigstore = sigstore
        self.url = url
        self.root = folder / "trusted_root.json"
        self.root.write_text(sigstore.trusted_root_json())

    def signing_config(self, proof: Proof) -> Path:
        """What cosign 3 signs by."""
        path = self.folder / f"signing_config_{proof}.json"
        config = json.loads(self.sigstore.signing_config_json(self.url, "v1" if proof == "v1" else "v2"))
        path.write_text(json.dumps({k: v for k, v in config.items() if k not in _PROOFS[proof]}))
        return path

    def trust_config(self, rekor: Literal["v1", "v2"]) -> Path:
        """What `tidegate sign` signs by."""
        path = self.folder / f"trust_config_{rekor}.json"
        path.write_text(self.sigstore.client_trust_config_json(self.url, rekor))
        return path

    def token(self, claims: Claims = RELEASER) -> str:
        """A fresh identity token."""
        return self.sigstore.oidc.mint(claims, datetime.now(UTC), timedelta(minutes=5))

    def keys_for_cosign2(self) -> dict[str, str]:
        """The root in the form of cosign 2: files that environment variables name."""
        root = self.sigstore.trusted_root()
        chain = root["certificateAuthorities"][0]["certChain"]["certificates"]
        contents = {
            "SIGSTORE_REKOR_PUBLIC_KEY": [_pem(root["tlogs"][0]["publicKey"], "PUBLIC KEY")],
            "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": [_pem(root["ctlogs"][0]["publicKey"], "PUBLIC KEY")],
            "SIGSTORE_ROOT_FILE": [_pem(one, "CERTIFICATE") for one in chain],
        }
        for name, pems in contents.items():
            (self.folder / f"{name}.pem").write_text("".join(pems))
        return {name: str(self.folder / f"{name}.pem") for name in contents}


def _pem(part: dict[str, str], label: str) -> str:
    body = "\n".join(wrap(base64.b64encode(base64.b64decode(part["rawBytes"])).decode(), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


@dataclass(frozen=True)
class KeyPair:
    """A key pair in cosign's files."""

    private: Path
    public: Path

    @property
    def public_pem(self) -> str:
        return self.public.read_text()


class _Cosign(ABC):
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

    def _keyless(self, claims: Claims, proof: Proof) -> tuple[str, ...]:
        return ("--identity-token", self._site.token(claims), *self._services(proof))

    @abstractmethod
    def _services(self, proof: Proof) -> tuple[str, ...]:
        """The options that name the services to ask."""


class Cosign3(_Cosign):
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


class Cosign2(_Cosign):
    """cosign 2: told by options whom to ask; knows Rekor v1 only."""

    def __init__(self, site: SigstoreSite) -> None:
        super().__init__("cosign2", site, site.keys_for_cosign2())

    def _services(self, proof: Proof) -> tuple[str, ...]:
        if proof == "nothing":
            return ("--yes", "--tlog-upload=false")
        return ("--yes", "--fulcio-url", self._site.url, "--rekor-url", self._site.url)
