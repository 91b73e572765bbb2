"""What clients are configured with: the trusted root, the signing config, and both in one file.

Source: sigstore protobuf-specs, sigstore_trustroot.proto. The messages are plain JSON data: a test can end
a validity in them, or take a key away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cryptography.hazmat.primitives.serialization import Encoding

from tidegate_publisher.devstack.sigstore import rekor_v1, rekor_v2
from tidegate_publisher.devstack.sigstore.ca import ORGANIZATION
from tidegate_publisher.devstack.sigstore.entry import encode
from tidegate_publisher.devstack.sigstore.keys import public_der, public_key_id

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from tidegate_publisher.devstack.sigstore.ca import Issuer
    from tidegate_publisher.devstack.sigstore.material import Material

RekorVersion = Literal["v1", "v2"]
Message = dict[str, Any]

TRUSTED_ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
SIGNING_CONFIG_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
CLIENT_TRUST_CONFIG_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
OPERATOR = "development.tidegate.invalid"
DOMAIN = "sigstore.tidegate.invalid"

OIDC_PATH = "/oidc"
TIMESTAMP_PATH = "/api/v1/timestamp"


def trusted_root(material: Material, log_ids: tuple[bytes, bytes]) -> Message:
    """The `TrustedRoot` message. It names no address: it stays the same wherever the instance is served.

    Args:
        material: the keys and certificates.
        log_ids: of the Rekor v1 and the Rekor v2 log.
    """
    start = material.root.certificate.not_valid_before_utc
    v1_key, v2_key = material.rekor_v1.public_key(), material.rekor_v2.public_key()
    ct_key = material.ctlog.public_key()
    return {
        "mediaType": TRUSTED_ROOT_TYPE,
        "tlogs": [
            _log(f"https://{rekor_v1.HOST}", v1_key, "PKIX_ECDSA_P256_SHA_256", log_ids[0], start),
            _log(f"https://{rekor_v2.HOST}", v2_key, "PKIX_ED25519", log_ids[1], start),
        ],
        "certificateAuthorities": [
            _authority(f"https://fulcio.{DOMAIN}", [material.intermediate, material.root], start)
        ],
        "ctlogs": [
            _log(
                f"https://ctlog.{DOMAIN}",
                ct_key,
                "PKIX_ECDSA_P256_SHA_256",
                public_key_id(ct_key),
                start,
            )
        ],
        "timestampAuthorities": [
            _authority(f"https://tsa.{DOMAIN}", [material.tsa, material.tsa_root], start)
        ],
    }


def signing_config(url: str, rekor: RekorVersion, start: datetime) -> Message:
    """The `SigningConfig` message for an instance served at `url` (no slash at its end).

    Rekor v2 gives no time of its own, so with it a time-stamp authority is named.
    """
    version = 1 if rekor == "v1" else 2
    config: Message = {
        "mediaType": SIGNING_CONFIG_TYPE,
        "caUrls": [_service(url, 1, start)],
        "oidcUrls": [_service(url + OIDC_PATH, 1, start)],
        "rekorTlogUrls": [_service(url, version, start)],
        "rekorTlogConfig": {"selector": "ANY"},
    }
    if rekor == "v2":
        config["tsaUrls"] = [_service(url + TIMESTAMP_PATH, 1, start)]
        config["tsaConfig"] = {"selector": "ANY"}
    return config


def client_trust_config(root: Message, signing: Message) -> Message:
    """The `ClientTrustConfig` message: everything that a signer needs, in one file."""
    return {"mediaType": CLIENT_TRUST_CONFIG_TYPE, "trustedRoot": root, "signingConfig": signing}


def _moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _log(url: str, key: PublicKeyTypes, details: str, log_id: bytes, start: datetime) -> Message:
    public_key = {
        "rawBytes": encode(public_der(key)),
        "keyDetails": details,
        "validFor": {"start": _moment(start)},
    }
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": public_key,
        "logId": {"keyId": encode(log_id)},
        "operator": OPERATOR,
    }


def _authority(uri: str, chain: list[Issuer], start: datetime) -> Message:
    certificates = [{"rawBytes": encode(one.certificate.public_bytes(Encoding.DER))} for one in chain]
    return {
        "subject": {"organization": ORGANIZATION, "commonName": "tidegate development root"},
        "uri": uri,
        "certChain": {"certificates": certificates},
        "validFor": {"start": _moment(start)},
        "operator": OPERATOR,
    }


def _service(url: str, version: int, start: datetime) -> Message:
    return {
        "url": url,
        "majorApiVersion": version,
        "validFor": {"start": _moment(start)},
        "operator": OPERATOR,
    }
