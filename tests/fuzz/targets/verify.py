"""Verification under attack: what is accepted was signed, byte for byte, by whom it says.

A message is a channel's statement, for one signer, for two of two, and for a key pair. Where its signature
holds and its content is something else, it is also tried as a request to a host and as an image's signature.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz import known
from tests.fuzz.oracle import read_plainly, require, require_clean
from tests.support.bundles import SIGNER
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER
from tidegate_schemas import limits
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.rollout import RolloutState
from tidegate_wire.trust import keyless  # noqa: F401 - imported when first used, too late to be instrumented
from tidegate_wire.trust.cosigned import split
from tidegate_wire.trust.image import verify_image
from tidegate_wire.trust.policy import ImagePolicy, KeySigner, SignerPolicy, exactly
from tidegate_wire.trust.root import PinnedRoot, load_root
from tidegate_wire.trust.signature import verify_bundle
from tidegate_wire.trust.verify import verify_request, verify_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from tidegate_wire.trust.signed import Signed
    from tidegate_wire.trust.verify import Vouched

HOST = "edge-1"


class Genuine(NamedTuple):
    """A signature that was truly made, by somebody who is trusted."""

    payload: bytes
    identity: str
    issuer: str
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """One host's policy, and the root that goes with it."""

    policy: SignerPolicy
    root: PinnedRoot | None


def check(data: bytes) -> None:
    """One input."""
    for way in _ways(data):
        try:
            found = verify_statement(data, root=way.root, policy=way.policy, product="os", channel="stable")
        except TidegateError as error:
            require_clean(error)
            if error.code.startswith("statement."):
                _check_other_uses(data, way)
            continue
        _check_vouched(found, data)
        active = found.statement.predicate.rollout.state is RolloutState.ACTIVE
        require(not active or _persons(found.signers) >= way.policy.threshold, "too few stand behind it")
        predicate = found.statement.predicate
        require((predicate.product, predicate.channel) == ("os", "stable"), "it is for another channel")


def _check_other_uses(data: bytes, way: Way) -> None:
    with _refusing():
        request = verify_request(data, root=way.root, policy=way.policy, host=HOST)
        _check_vouched(request, data)
        require(_persons(request.signers) >= way.policy.threshold, "too few stand behind the request")
        require(request.request.predicate.host == HOST, "the request is for another host")
    with _refusing():
        signed = verify_image([data], digest=known.IMAGE, root=way.root, policy=ImagePolicy(way.policy))
        judge(signed, genuine())
        require(_persons(signed) >= way.policy.threshold, "too few stand behind the image")
        speaks_of = [read_plainly(one.payload) for one in signed]
        require(all(known.IMAGE[7:] in repr(each) for each in speaks_of), "it is about another image")


def _check_vouched(found: Vouched, data: bytes) -> None:
    require(len(data) <= limits.STATEMENT_BYTES, "a message beyond the cap is accepted")
    require({one.payload for one in found.signers} == {found.payload}, "not all signed what is handed on")
    judge(found.signers, genuine())


def judge(signed: Iterable[Signed], allowed: frozenset[Genuine]) -> None:
    """Whoever is said to have signed must have done so."""
    for one in signed:
        made = Genuine(one.payload, one.identity, one.issuer, one.not_before)
        require(made in allowed, f"accepted, though never signed: {made}")


@cache
def genuine() -> frozenset[Genuine]:
    """All signatures by trusted signers that there are."""
    found = set()
    for message in known.messages():
        for bundle in split(message):
            for way in (one_signer(), two_signers(), key_pair()):
                with contextlib.suppress(TidegateError):
                    signed = verify_bundle(bundle, root=way.root, policy=way.policy)
                    found.add(Genuine(signed.payload, signed.identity, signed.issuer, signed.not_before))
    return frozenset(found)


def _ways(data: bytes) -> Iterator[Way]:
    yield one_signer()
    yield key_pair()
    if b"cosigned" in data:  # else the same bundle would be verified once more for the same answer
        yield two_signers()


@cache
def one_signer() -> Way:
    """The releaser, by certificate."""
    return Way(SignerPolicy((SIGNER,)), _root())


@cache
def two_signers() -> Way:
    """The releaser and a second person, both."""
    return Way(SignerPolicy((SIGNER, exactly(known.SECOND, DEVELOPMENT_ISSUER)), threshold=2), _root())


@cache
def key_pair() -> Way:
    """One key, no Sigstore."""
    return Way(SignerPolicy((KeySigner("release", known.PUBLIC_KEY.read_text()),)), None)


@cache
def _root() -> PinnedRoot:
    return load_root(known.ROOT)


def _persons(signed: Iterable[Signed]) -> int:
    return len({(one.identity, one.issuer) for one in signed})


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except TidegateError as error:
        require_clean(error)
