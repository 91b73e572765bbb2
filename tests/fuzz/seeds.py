"""Makes genuine bundles and first inputs anew: `python -m tests.fuzz.seeds`. Needed only when formats change.

The keys are forgotten with the process. What fuzzing found since (files named by a hash) stays, and
`./dev fuzz --merge` drops what of it no longer adds anything.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fuzz.catalogue import CORPUS
from tests.fuzz.known import BUNDLES, FOLDER, IMAGE, SECOND
from tests.support.bundles import a_message
from tests.support.statements import NOON, a_statement, a_status, an_event, digest_of
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_publisher.devstack.sigstore.dsse import sign_envelope
from tidegate_schemas.envelope import seal
from tidegate_schemas.events import Step, encode
from tidegate_schemas.media_types import STRUCTURED
from tidegate_schemas.requests import Action, HostRequest, RequestPredicate, host_digest
from tidegate_schemas.rollout import Rollout, RolloutState, Urgency, Wave
from tidegate_schemas.statement import STATEMENT_TYPE, Image, Requires, Subject
from tidegate_wire.trust.cosigned import join
from tidegate_wire.trust.device import key_id
from tidegate_wire.trust.dsse import pae
from tidegate_wire.trust.policy import COSIGN
from tidegate_wire.trust.shape import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STATEMENTS = {
    "plain": a_statement().to_json(),
    "second": a_statement(digest_of("b"), sequence=2, version="1.1").to_json(),
    "full": a_statement(
        digest_of("c"),
        sequence=7,
        image=Image(
            references=("registry.example/os", "oci:/srv/os"),
            platforms={"amd64": digest_of("1"), "arm64": digest_of("2")},
        ),
        notes="Fixes \N{LATIN SMALL LETTER E WITH ACUTE}verything.\nReboots.",
        requires=Requires(arch=("amd64",), labels={"site": "lab"}, minimum_sequence=2),
        rollout=Rollout(seed="s", state=RolloutState.HELD, waves=(Wave(name="first", fraction=0.1),)),
        urgency=Urgency.URGENT,
        deadline=NOON + timedelta(days=2),
        floor=3,
        critical=("floor",),
    ).to_json(),
}
REQUEST = HostRequest(
    subject=(Subject(digest={"sha256": host_digest("edge-1").removeprefix("sha256:")}),),
    predicate=RequestPredicate(
        host="edge-1",
        action=Action.HOLD,
        nonce="0123456789abcdef0123456789abcdef",
        issued_at=NOON,
        expires=NOON + timedelta(hours=1),
        reason="Wait for the technician.",
    ),
).to_json()
IMAGE_SIGNATURE = json.dumps(
    {
        "_type": STATEMENT_TYPE,
        "subject": [{"digest": {"sha256": IMAGE.removeprefix("sha256:")}}],
        "predicateType": COSIGN,
        "predicate": {},
    }
).encode()
DESCRIPTOR = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest_of("a"), "size": 9}
CONFIG = {**DESCRIPTOR, "mediaType": "application/vnd.oci.image.config.v1+json"}
MANIFEST = {"schemaVersion": 2, "config": CONFIG, "layers": [DESCRIPTOR], "annotations": {"a": "b"}}
ENTRY = {
    **DESCRIPTOR,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "platform": {"architecture": "arm", "os": "linux", "variant": "v6"},
    "annotations": {"org.opencontainers.image.ref.name": "1"},
}
DOCUMENTS = {
    "manifest": MANIFEST,
    "index": {"schemaVersion": 2, "manifests": [ENTRY]},
    "both": {**MANIFEST, "manifests": [ENTRY]},
    "config": {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"a": "b"}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of("d")]},
    },
    "layout": {"imageLayoutVersion": "1.0.0"},
    "token": {"token": "abc", "expires_in": 300},
    "auth": {"auths": {"registry.example": {"auth": "dXNlcjpwYXNz"}}, "credHelpers": {"x": "y"}},
}
JSONS = {
    "numbers": b"[0,-0,1,1.5,-2e-3,1E400,12345678901234567890123,NaN,1e308]",
    "texts": b'["", "\\u00e9\\ud83d\\ude00", "\\ud800", "\xc3\xa9", "\\"\\\\\\/\\b\\n"]',
    "repeated": b'{"a":1,"b":{"c":null,"c":true}}',
    "deep": b"[" * 32 + b"]" * 32,
    "deeper": b'{"a":' * 33 + b"{}" + b"}" * 33,
    "brackets-in-text": b'{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[": "}}}}"}',
    "mark": b"\xef\xbb\xbf{}",
}


def main() -> None:
    """Write all of it."""
    sigstore = LocalSigstore.create(NOON)
    release, device = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    _write(
        FOLDER,
        {
            "trusted_root.json": sigstore.trusted_root_json().encode(),
            "release.pem": _public_pem(release),
            "device.pem": _public_pem(device),
        },
    )
    second = a_message(sigstore, STATEMENTS["second"], email=SECOND)
    _write(
        BUNDLES,
        {
            "v1.json": a_message(sigstore, STATEMENTS["plain"], rekor="v1"),
            "v2.json": a_message(sigstore, STATEMENTS["plain"], rekor="v2"),
            "second-v1.json": a_message(sigstore, STATEMENTS["second"], now=NOON + timedelta(hours=1)),
            "full-v2.json": a_message(sigstore, STATEMENTS["full"], rekor="v2"),
            "stranger-v1.json": a_message(sigstore, STATEMENTS["second"], email="other@example.org"),
            "other-channel-v2.json": a_message(sigstore, a_statement(channel="beta").to_json(), rekor="v2"),
            "no-statement-v1.json": a_message(sigstore, b'{"_type":"https://in-toto.io/Statement/v1"}'),
            "cosigned.json": join([a_message(sigstore, STATEMENTS["second"]), second]),
            "key.json": _under_key(STATEMENTS["plain"], release),
            "request-v1.json": a_message(sigstore, REQUEST),
            "image-v1.json": a_message(sigstore, IMAGE_SIGNATURE),
            "other-root-v2.json": a_message(LocalSigstore.create(NOON), STATEMENTS["plain"], rekor="v2"),
        },
    )
    statements = {**STATEMENTS, "request": REQUEST, "image": IMAGE_SIGNATURE}
    _write(CORPUS / "statement", {f"{name}.json": text for name, text in statements.items()})
    _write(CORPUS / "strict_json", {f"{name}.json": text for name, text in JSONS.items()})
    documents = {f"{name}.json": json.dumps(content).encode() for name, content in DOCUMENTS.items()}
    challenge = b'Bearer realm="https://auth.example/token",service="r",scope="repository:os:pull", Basic'
    _write(CORPUS / "registry", {**documents, "challenge.txt": challenge})
    _write(CORPUS / "events", _events(device))
    (CORPUS / "verify").mkdir(exist_ok=True)
    (CORPUS / "bundle").mkdir(exist_ok=True)


def _events(device: ec.EllipticCurvePrivateKey) -> dict[str, bytes]:
    binary = encode(an_event(Step.STAGED), binary=True)
    lines = "".join(f"{name}: {value}\n" for name, value in binary.properties)
    event = encode(an_event(), binary=False).payload
    sig = device.sign(pae(STRUCTURED, event), ec.ECDSA(hashes.SHA256()))
    return {
        "structured.json": event,
        "signed.json": seal(event, key_id(device.public_key()), sig),
        "binary.txt": lines.encode() + b"\n" + binary.payload,
        "status.txt": b"status\n\n" + a_status().to_json(),
    }


def _under_key(payload: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": "release"}},
        "dsseEnvelope": sign_envelope(payload, key).to_json(),
    }
    return json.dumps(bundle, separators=(",", ":")).encode()


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
