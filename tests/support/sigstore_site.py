"""A served local Sigstore's files for foreign clients.

with serve(sigstore) as url:
    site = SigstoreSite(folder, sigstore, url)
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from tests.support.publisher import RELEASER

if TYPE_CHECKING:
    from pathlib import Path

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


def without_operators(root: Path) -> Path:
    """A copy of a trusted root for cosign 2.5, which does not know the field `operator` yet."""

    def older(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: older(value) for name, value in part.items() if name != "operator"}
        return [older(one) for one in part] if isinstance(part, list) else part

    path = root.with_name(f"older_{root.name}")
    path.write_text(json.dumps(older(json.loads(root.read_text()))))
    return path
