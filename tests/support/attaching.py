"""Attaching things to images, as cosign 3 and ORAS do it: an artifact manifest with a subject.

attach_to_layout(folder, digest, bundle, BUNDLE_V03)
attach_to_registry(registry.url, "app", digest, bundle, BUNDLE_V03)
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin

import urllib3

from tests.support.images import describe, plain
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import ACCEPT, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from tidegate_wire.registry.simple_signing import (
    CERTIFICATE_ANNOTATION,
    SIGNATURE_ANNOTATION,
    SIMPLE_SIGNING,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tidegate_wire.registry.descriptor import Descriptor

BUNDLE_V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
EMPTY = b"{}"


@dataclass(frozen=True)
class Artifact:
    """A manifest and its blobs, not put anywhere yet. `subject` is the digest that it is about."""

    manifest: bytes
    blobs: tuple[bytes, ...]
    subject: str
    artifact_type: str

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def entry(self) -> dict[str, object]:
        """How an index lists it."""
        return {**plain(describe(self.manifest, OCI_MANIFEST)), "artifactType": self.artifact_type}


def artifact(subject: Descriptor, content: bytes, artifact_type: str, /, **changed: object) -> Artifact:
    """An artifact with an empty config and one layer. `changed` replaces members of its manifest."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": plain(describe(EMPTY, OCI_EMPTY)),
        "layers": [plain(describe(content, artifact_type))],
        "subject": plain(subject),
        **changed,
    }
    return Artifact(json.dumps(manifest).encode(), (EMPTY, content), subject.digest, artifact_type)


def fallback_tag(digest: str) -> str:
    """The tag of the index that lists referrers where the registry cannot."""
    return digest.replace(":", "-")


def attach_to_layout(folder: Path, subject_digest: str, content: bytes, artifact_type: str) -> str:
    """Attach to a manifest in an OCI layout, and return the artifact's digest."""
    raw = (folder / "blobs/sha256" / subject_digest.removeprefix("sha256:")).read_bytes()
    made = artifact(describe(raw, _media_type(raw)), content, artifact_type)
    put_in_layout(folder, made)
    return made.digest


def put_in_layout(folder: Path, made: Artifact, tag: str | None = None) -> None:
    """Write an artifact's files, and list it in index.json."""
    for each in (made.manifest, *made.blobs):
        (folder / "blobs/sha256" / digest_of(each).removeprefix("sha256:")).write_bytes(each)
    entry = made.entry
    if tag is not None:
        entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    document = json.loads((folder / "index.json").read_bytes())
    document["manifests"].append(entry)
    (folder / "index.json").write_text(json.dumps(document), encoding="utf-8")


def attach_to_registry(
    url: str, repository: str, subject_digest: str, content: bytes, artifact_type: str
) -> str:
    """Attach to a manifest in a registry that lets anybody push, and return the artifact's digest.

    Args:
        url: the registry's root, for example `http://localhost:5000`.
        repository: path of the repository.
        subject_digest: digest of a manifest that is there.
        content: what is attached.
        artifact_type: its media type.
    """
    with RegistryPusher(url, repository) as pusher:
        raw = pusher.manifest(subject_digest)
        assert raw is not None, f"{repository} has no {subject_digest}"
        made = artifact(describe(raw, _media_type(raw)), content, artifact_type)
        pusher.put_artifact(made)
    return made.digest


class RegistryPusher:
    """Puts blobs and manifests into a repository (OCI distribution specification 1.1, "Push")."""

    def __init__(self, url: str, repository: str) -> None:
        self._base = f"{url}/v2/{repository}/"
        self._pool = urllib3.PoolManager()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def manifest(self, name: str) -> bytes | None:
        """The manifest with a tag or digest, or None."""
        answer = self._pool.request("GET", f"{self._base}manifests/{name}", headers={"Accept": ACCEPT})
        assert answer.status in (200, 404), answer.data
        return answer.data if answer.status == 200 else None

    def put_blob(self, content: bytes) -> None:
        started = self._send("POST", f"{self._base}blobs/uploads/", b"", "")
        place = urljoin(self._base, str(started.headers["Location"]))
        place += f"{'&' if '?' in place else '?'}digest={digest_of(content)}"
        self._send("PUT", place, content, "application/octet-stream")

    def put_manifest(self, name: str, raw: bytes) -> urllib3.BaseHTTPResponse:
        return self._send("PUT", f"{self._base}manifests/{name}", raw, _media_type(raw))

    def put_artifact(self, made: Artifact) -> None:
        """Put an artifact, and list it under the fallback tag when the registry does not list it itself."""
        for blob in made.blobs:
            self.put_blob(blob)
        answer = self.put_manifest(made.digest, made.manifest)
        if answer.headers.get("OCI-Subject") == made.subject:
            return
        tag = fallback_tag(made.subject)
        before = self.manifest(tag)
        entries = json.loads(before)["manifests"] if before else []
        self.put_manifest(tag, index_of([*entries, made.entry]))

    def _send(self, method: str, url: str, content: bytes, media_type: str) -> urllib3.BaseHTTPResponse:
        answer = self._pool.request(method, url, body=content, headers={"Content-Type": media_type})
        assert answer.status in (201, 202), answer.data
        return answer


def index_of(entries: Sequence[object]) -> bytes:
    """An image index with these entries."""
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()


def cosign2_manifest(*signed: tuple[bytes, bytes], certificate: str | None = None) -> Artifact:
    """What cosign 2 puts under `sha256-<hex>.sig`: a layer for each payload with its signature."""
    layers: list[dict[str, Any]] = []
    for payload, signature in signed:
        annotations = {SIGNATURE_ANNOTATION: base64.b64encode(signature).decode()}
        if certificate is not None:
            annotations[CERTIFICATE_ANNOTATION] = certificate
        layers.append({**plain(describe(payload, SIMPLE_SIGNING)), "annotations": annotations})
    config = b'{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": plain(describe(config, "application/vnd.oci.image.config.v1+json")),
        "layers": layers,
    }
    blobs = (config, *(payload for payload, _ in signed))
    return Artifact(json.dumps(manifest).encode(), blobs, "", "application/vnd.oci.image.config.v1+json")


def _media_type(raw: bytes) -> str:
    document = json.loads(raw)
    return str(document.get("mediaType") or (OCI_INDEX if "manifests" in document else OCI_MANIFEST))
