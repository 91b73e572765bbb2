"""Messages of a channel, verified once for all hosts of a process.

A real host verifies for itself, in a child process, and pays half a second for it. Ten thousand simulated
ones hear the same bytes: the verdict on bytes is the same for all of them, and what depends on the host
(freshness, sequence, target) is judged for each.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from tidegate_publisher.devstack.simulator.progress import Failure
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import ChannelStatement

if TYPE_CHECKING:
    from tidegate_publisher.ports import Verified

_REMEMBERED: Final = 64


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and the verdict on it.

    Attributes:
        name: the SHA-256 of its bytes, in hex.
        statement: what it says; None where it is false, and then `failure` says why.
        fingerprint: the SHA-256 of what was signed, in hex.
        enough: whether as many signed as the policy asks for.
        signer: who signed, and `issuer` who vouched.
    """

    name: str
    statement: ChannelStatement | None = None
    fingerprint: str = ""
    enough: bool = True
    signer: str = ""
    issuer: str = ""
    failure: Failure | None = None


class Verifying(Protocol):
    """What says whether a message is genuine: `ports.Verifier`, or `unverified.Unverified`."""

    def verify(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """See ports.Verifier.verify."""
        ...


class Letters:
    """Verdicts by message, the newest few.

    Args:
        verifier: says whether a message is genuine.
        channel: the product and channel that it has to speak for.

    Attributes:
        verified: how many messages were verified.
    """

    def __init__(self, verifier: Verifying, channel: tuple[str, str]) -> None:
        self.verified = 0
        self._verifier = verifier
        self._channel = channel
        self._known: OrderedDict[bytes, Letter] = OrderedDict()

    def read(self, message: bytes) -> Letter:
        """The verdict on a message. Never raises TidegateError: a fault is a verdict."""
        letter = self._known.get(message)
        if letter is None:
            letter = self._known[message] = self._judge(message)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return letter

    def _judge(self, message: bytes) -> Letter:
        self.verified += 1
        name = hashlib.sha256(message).hexdigest()
        if len(message) > limits.STATEMENT_BYTES:
            return Letter(name, failure=Failure(Code.STATEMENT_OVERSIZE, "the message is too large"))
        try:
            found = self._verifier.verify(message, self._channel)
        except TidegateError as error:
            return Letter(name, failure=Failure(error.code, error.reason))
        fingerprint = hashlib.sha256(found.payload).hexdigest()
        first = found.signers[0]
        return Letter(name, found.statement, fingerprint, found.enough, first.identity, first.issuer)
