"""The publisher's ports: what its use cases need from the outside. Fakes are in tests/fakes/publisher.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from tidegate_schemas.statement import ChannelStatement

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime


KEY_PAIR: Final = "a key pair"
"""Stands where an issuer would, as in `tidegate_wire.trust.keys`: nobody vouches for a key but a policy."""


@dataclass(frozen=True, slots=True)
class SignerId:
    """Who signed, in a certificate's words: the subject alternative name, and the issuer that vouched.

    For a key pair it is the name by which the policy goes, and `KEY_PAIR`.
    """

    identity: str
    issuer: str

    def __str__(self) -> str:
        return f"{self.identity} ({'' if self.issuer == KEY_PAIR else 'issuer '}{self.issuer})"


@dataclass(frozen=True, slots=True)
class Verified:
    """A message that was found genuine: what it says, and who says it.

    Attributes:
        statement: what it says.
        signers: who signed, each once, in the order of the message; at least one.
        payload: the signed bytes.
        standing: how many signers of the policy stand behind it; without a policy, all who signed.
        needed: how many hosts ask for, as far as we were told.
    """

    statement: ChannelStatement
    signers: tuple[SignerId, ...]
    payload: bytes
    standing: int = 1
    needed: int = 1

    @property
    def enough(self) -> bool:
        """Whether as many signers stand behind it as hosts need for letting a release go on."""
        return self.standing >= self.needed

    @property
    def signed_by(self) -> str:
        """The signers, in words."""
        return " and ".join(map(str, self.signers))


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image whose content is settled.

    Attributes:
        repository: where it can be pulled from, without tag and digest.
        digest: the digest of the manifest or index.
        tag: the tag that was resolved to it, if one was.
        platforms: for an index, the digest of each Linux platform's manifest, by `arch` or `arch/variant`.
    """

    repository: str
    digest: str
    tag: str | None = None
    platforms: dict[str, str] = field(default_factory=dict)


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class Resolver(Protocol):
    """Finds out what an image reference stands for."""

    def resolve(self, reference: str) -> ResolvedImage:
        """Settle the content: a tag is resolved, a digest is looked up.

        Raises:
            TidegateError: REFERENCE_INVALID, REFERENCE_NO_DIGEST for a tag that cannot be resolved, IMAGE_*.
        """
        ...


class Signer(Protocol):
    """Signs statements in somebody's name."""

    def identity(self) -> SignerId | None:
        """Whom a signature will name, as far as that can be known before anything is signed; else None.

        Raises:
            TidegateError: IDENTITY_UNAVAILABLE, CONFIG_*.
        """
        ...

    def sign(self, payload: bytes) -> bytes:
        """The Sigstore bundle v0.3 (JSON) over an in-toto statement.

        Raises:
            TidegateError: IDENTITY_UNAVAILABLE or SIGN_FAILED.
        """
        ...


class Verifier(Protocol):
    """Tells genuine bundles from false ones, as hosts do: steps 1 to 5 of the order of verification."""

    @property
    def policy(self) -> str | None:
        """Who is trusted, in words; None when no policy was given and each bundle's own signer is taken."""
        ...

    @property
    def needed(self) -> int:
        """How many signers a release needs to go on; 1 when no policy was given."""
        ...

    def verify(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """Verify a message as hosts do. Freshness and sequence are left to the caller.

        Args:
            message: a Sigstore bundle, JSON; or a cosigned message with several.
            target: the product and channel that it must speak of; None takes those that it names.

        Raises:
            TidegateError: SIGNATURE_*, STATEMENT_*, TRUST_*.
        """
        ...

    def verify_each(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """Verify a message that may still lack signers; but none of those that it has may be false.

        Raises:
            TidegateError: as `verify`, for the first bundle that does not verify. Never SIGNATURE_THRESHOLD.
        """
        ...


class ImageSignatures(Protocol):
    """Tells whether an image is signed where it lies, as hosts do that ask for it: step 8."""

    def require(self, references: tuple[str, ...], digest: str) -> tuple[SignerId, ...]:
        """Who signed the image.

        Args:
            references: the repositories that it can be pulled from, in which a signature may lie.
            digest: of the image as it is announced, `sha256:…`.

        Raises:
            TidegateError: IMAGE_UNSIGNED, IMAGE_SIGNATURE, IMAGE_SIGNATURE_FORMAT; IMAGE_* when a repository
                gave no answer; TRUST_*.
        """
        ...


class ChannelStore(Protocol):
    """The broker, as far as it keeps one retained statement for each channel."""

    def read(self, product: str, channel: str) -> bytes | None:
        """The channel's retained bundle, or None. Raises TidegateError(BUS_*)."""
        ...

    def publish(self, product: str, channel: str, bundle: bytes) -> None:
        """Publish retained at QoS 1 and wait for the acknowledgement.

        Raises:
            TidegateError: ANNOUNCE_TIMEOUT, BUS_*.
        """
        ...

    def confirm(self, product: str, channel: str, bundle: bytes) -> bytes | None:
        """What the broker holds afterwards: returns as soon as it is this bundle, else in the end what it is.

        An acknowledgement is no proof: MQTT 3.1.1 has no way to say 'not authorised' to a PUBLISH.
        """
        ...


class Progress(Protocol):
    """Tells a person what goes on."""

    def phase(self, text: str) -> AbstractContextManager[None]:
        """Something begins that may take long; the context's end is its end."""
        ...

    def note(self, text: str) -> None:
        """A fact that the person should know."""
        ...
