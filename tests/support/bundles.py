"""Signed messages of a local Sigstore for tests, and ways to break exactly one thing in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, email_claims
from tidegate_wire.trust.policy import Signer, SignerPolicy
from tidegate_wire.trust.root import PinnedRoot, parse_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

PERSON = "release@example.org"
SIGNER = Signer(PERSON, DEVELOPMENT_ISSUER)
POLICY = SignerPolicy((SIGNER,))


def root_of(sigstore: LocalSigstore) -> PinnedRoot:
    """The instance's trusted root."""
    return parse_root(sigstore.trusted_root_json().encode(), "the test's root")


def a_message(
    sigstore: LocalSigstore,
    payload: bytes | None = None,
    *,
    rekor: RekorVersion = "v1",
    email: str = PERSON,
    issuer: str = DEVELOPMENT_ISSUER,
    now: datetime = NOON,
    **more: Any,
) -> bytes:
    """A signed message: a statement for `os/stable`, if no payload is given."""
    content = a_statement().to_json() if payload is None else payload
    return sigstore.sign_statement(content, email_claims(email, issuer), rekor=rekor, now=now, **more)


def broken(message: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The message, changed in place as data by `change`."""
    bundle = json.loads(message)
    change(bundle)
    return json.dumps(bundle).encode()


def entry(bundle: dict[str, Any]) -> dict[str, Any]:
    """The bundle's log entry."""
    found: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return found
