"""A verifier without cryptography, obeying the contract of `Verifier` (tests/contract/test_verifier.py).

It believes what it has signed itself, and what a test scripts it to refuse it refuses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Verdict
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import parse_statement
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate_agent.model import Follow


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs."""

    identity: str
    issuer: str


SIGNER = Person("https://ci.example/os/release", "https://issuer.example")


@dataclass(frozen=True, slots=True)
class _Signed:
    payload: bytes
    signer: Person
    signed_at_least: datetime | None


class FakeVerifier:
    """See the module.

    Args:
        signers: who may sign, by `Follow.key`; None trusts `SIGNER` for every follow.

    Attributes:
        asked: the follows it was asked about, in order.
        meanwhile: called while a message is being verified.
        meanwhile_request: called while a request is being verified.
        enough: whether as many signed requests as the policy asks for.
    """

    def __init__(self, signers: Mapping[str, SignerPolicy] | None = None) -> None:
        self._signers = signers
        self._signed: dict[bytes, _Signed] = {}
        self._script: dict[bytes, RefusedError] = {}
        self._dying = False
        self.asked: list[Follow] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.meanwhile_request: Callable[[], None] = lambda: None
        self.enough = True

    def sign(self, payload: bytes, signer: Person = SIGNER, signed_at_least: datetime | None = None) -> bytes:
        """A message that carries this statement; different ones each time, as real signatures are."""
        message = json.dumps({"signed": len(self._signed), "payload": payload.decode()}).encode()
        self._signed[message] = _Signed(payload, signer, signed_at_least)
        return message

    def refuse(self, message: bytes, code: Code, reason: str) -> None:
        """From now on refuse this message with this code."""
        self._script[message] = RefusedError(code, reason)

    def die(self) -> None:
        """End without a verdict the next time, as a child process does that is out of memory."""
        self._dying = True

    def relent(self, message: bytes) -> None:
        """From now on judge it like any other: another root is in force, say."""
        del self._script[message]

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """See Verifier.verify."""
        self.asked.append(follow)
        self.meanwhile()
        if self._dying:
            self._dying = False
            raise RefusedError(Code.VERIFY_FAILED, "the verifying process gave no verdict")
        if payload in self._script:
            raise self._script[payload]
        policy = self._policy(follow)
        if len(payload) > limits.STATEMENT_BYTES:
            raise RefusedError(Code.STATEMENT_OVERSIZE, "the message is too large")
        signed = self._signed.get(payload)
        if signed is None:
            raise RefusedError(Code.SIGNATURE_MISSING, "nobody signed it")
        if exactly(signed.signer.identity, signed.signer.issuer) not in policy.any_of:
            raise RefusedError(Code.SIGNATURE_IDENTITY, f"signed by {signed.signer}")
        _check_statement(follow, signed.payload)
        return Verdict(signed.payload, signed.signer.identity, signed.signer.issuer, signed.signed_at_least)

    def verify_request(self, payload: bytes) -> Verdict:
        """See Verifier.verify_request."""
        self.meanwhile_request()
        if payload in self._script:
            raise self._script[payload]
        signed = self._signed.get(payload)
        if signed is None:
            raise RefusedError(Code.SIGNATURE_MISSING, "nobody signed it")
        if signed.signer != SIGNER:
            raise RefusedError(Code.SIGNATURE_IDENTITY, f"signed by {signed.signer}")
        return Verdict(
            signed.payload,
            signed.signer.identity,
            signed.signer.issuer,
            signed.signed_at_least,
            self.enough,
        )

    def _policy(self, follow: Follow) -> SignerPolicy:
        if self._signers is None:
            return SignerPolicy((exactly(SIGNER.identity, SIGNER.issuer),))
        if follow.key not in self._signers:
            raise RefusedError(Code.TRUST_POLICY_EMPTY, f"no signer is trusted for {follow.key}")
        return self._signers[follow.key]


def _check_statement(follow: Follow, payload: bytes) -> None:
    try:
        predicate = parse_statement(payload).predicate
    except TidegateError as error:
        raise RefusedError(error.code, error.reason) from error
    if (predicate.product, predicate.channel) != (follow.product, follow.channel):
        raise RefusedError(Code.STATEMENT_TARGET, "the statement speaks for another channel")
