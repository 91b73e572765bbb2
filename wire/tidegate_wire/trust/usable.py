"""A trusted root in sigstore-python's hands: its verifier, and whether a root is fit to be in force.

Importing this costs 0.4 s and 55 MB, most of it sigstore-python.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier

from tidegate_schemas.base import rfc3339
from tidegate_wire.trust.root import PinnedRoot, RootError

if TYPE_CHECKING:
    from datetime import datetime

_ALWAYS: Final = {"start": "1970-01-01T00:00:00Z"}
_CONFIG_TYPE: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_SIGNING_TYPE: Final = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


def verifier_over(root: PinnedRoot) -> Verifier:
    """sigstore-python's verifier over a root. It uses no network, file or clock.

    The windows of all parties are opened wide: the library would compare them with the system's clock. Who
    may speak is for the caller to see to.

    Raises:
        RootError: the library cannot use the root.
        MemoryError: there was too little memory to tell.
    """
    try:
        # The public way to a TrustedRoot out of memory; the signing half is not looked at.
        return Verifier(trusted_root=ClientTrustConfig.from_json(json.dumps(_config(root))).trusted_root)
    except MemoryError:
        raise
    # What the library raises over a root that it cannot use is not a closed set; all means the same.
    except Exception as error:
        text = f"{root.origin} cannot be used as trusted root: {type(error).__name__}"
        raise RootError(text) from error


def require_usable(root: PinnedRoot, now: datetime) -> None:
    """Refuse a root by which nothing that is signed today could be verified.

    1. An authority, a CT log and a transparency log are valid at `now`.
    2. sigstore-python builds a verifier from every party of the root.

    Args:
        root: the candidate.
        now: the moment to judge it by, aware.

    Raises:
        RootError: TRUST_ROOT_MISSING; the sentence says what it lacks.
        MemoryError: there was too little memory to tell.
    """
    kinds = {
        "certificate authority": root.certificate_authorities,
        "certificate transparency log": root.ctlogs,
        "transparency log": root.tlogs,
    }
    for kind, parties in kinds.items():
        if not any(party.valid_at(frozenset({now})) for party in parties):
            raise RootError(f"{root.origin} names no {kind} that is valid at {rfc3339(now)}")
    verifier_over(root)


def _config(root: PinnedRoot) -> dict[str, Any]:
    opened = {
        "mediaType": root.media_type,
        "certificateAuthorities": [_authority(one.content) for one in root.certificate_authorities],
        "ctlogs": [_log(one.content) for one in root.ctlogs],
        "tlogs": [_log(one.content) for one in root.tlogs],
        "timestampAuthorities": [_authority(one.content) for one in root.timestamp_authorities],
    }
    return {
        "mediaType": _CONFIG_TYPE,
        "trustedRoot": opened,
        "signingConfig": {"mediaType": _SIGNING_TYPE},
    }


def _authority(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "validFor": _ALWAYS}


def _log(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "publicKey": {**content["publicKey"], "validFor": _ALWAYS}}
