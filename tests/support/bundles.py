"""Signed messages of a local Sigstore for tests, and ways to break exactly one thing in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, email_claims
from tidegate_schemas.codes import TidegateError
from tidegate_wire.trust.policy import SignerPolicy, exactly
from tidegate_wire.trust.root import PinnedRoot, parse_root
from tidegate_wire.trust.verify import Verified, verify_statement

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

PERSON = "release@example.org"
SIGNER = exactly(PERSON, DEVELOPMENT_ISSUER)
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


def refusal(
    message: bytes,
    sigstore: LocalSigstore,
    policy: SignerPolicy = POLICY,
    *,
    root: dict[str, Any] | None = None,
) -> TidegateError:
    """The error that verification raises; the root can be replaced by an altered one."""
    trusted = root_of(sigstore) if root is None else parse_root(json.dumps(root).encode(), "altered root")
    with pytest.raises(TidegateError) as caught:
        verify_statement(message, root=trusted, policy=policy, product="os", channel="stable")
    return caught.value


def accepted(message: bytes, root: PinnedRoot, policy: SignerPolicy = POLICY) -> Verified:
    """What verification finds in a message for `os/stable`."""
    return verify_statement(message, root=root, policy=policy, product="os", channel="stable")
