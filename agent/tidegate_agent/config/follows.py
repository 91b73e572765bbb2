"""The channels that a host follows, and whom it believes on each."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tidegate_agent.config.engines import EngineTables
from tidegate_agent.config.scalars import refused
from tidegate_agent.config.signing import require_signers, with_certificates
from tidegate_agent.model import Follow
from tidegate_schemas.base import Name
from tidegate_schemas.codes import Code
from tidegate_wire.trust.cosigned import MAX_BUNDLES
from tidegate_wire.trust.policy import PREDICATES, ImagePolicy, SignerPolicy
from tidegate_wire.trust.settings import SignerSettings, policy_of


class FollowSettings(EngineTables):
    """A channel that this host follows. At least one is needed.

    Attributes:
        product: the product's name.
        channel: the channel's name.
        signers: whose statements are believed; at least one is needed.
        threshold: how many different signers have to stand behind a statement. What only stops a release, a
            hold or a revocation, needs one.
        image_signature: whether the image itself has to be signed too, where it lies in the registry, or the
            announcement's word for its digest is enough.
        image_signers: who has to have signed the image; the same as signers when absent.
        image_threshold: how many of them.
        image_predicates: which kinds of signatures count: "signature" of cosign, "provenance" of a build.
    """

    product: Name
    channel: Name
    signers: Annotated[tuple[SignerSettings, ...], Field(strict=False, validate_default=True)] = ()
    threshold: int = Field(default=1, ge=1, le=MAX_BUNDLES)
    image_signature: Literal["required", "announcement"] = "announcement"
    image_signers: Annotated[tuple[SignerSettings, ...], Field(strict=False)] = ()
    image_threshold: int = Field(default=1, ge=1, le=MAX_BUNDLES)
    image_predicates: Annotated[
        tuple[Literal["signature", "provenance"], ...], Field(strict=False, min_length=1)
    ] = ("signature", "provenance")

    @field_validator("signers")
    @classmethod
    def _trusts_somebody(cls, value: tuple[SignerSettings, ...]) -> tuple[SignerSettings, ...]:
        if not value:
            raise refused(
                Code.TRUST_POLICY_EMPTY,
                "expected at least one [[follow.signers]] with identity and issuer; "
                "a host that names no signer trusts nobody",
            )
        return value

    @model_validator(mode="after")
    def _signers_are_enough(self) -> Self:
        require_signers("signers", self.signers, self.threshold)
        require_signers("image_signers", self.image_signers or self.signers, self.image_threshold)
        return self

    @property
    def follow(self) -> Follow:
        """The channel, as the core names it."""
        return Follow(self.product, self.channel)

    @property
    def needs_root(self) -> bool:
        """Whether it trusts anybody with a certificate."""
        return with_certificates((*self.signers, *self.image_signers))

    def policy(self) -> SignerPolicy:
        """Who may sign statements. Raises TidegateError(TRUST_KEY_UNUSABLE)."""
        return policy_of(self.signers, self.threshold)

    def image_policy(self) -> ImagePolicy | None:
        """Who has to have signed the image, or None when the announcement is enough. Raises as `policy`."""
        if self.image_signature == "announcement":
            return None
        signers = policy_of(self.image_signers or self.signers, self.image_threshold)
        return ImagePolicy(signers, frozenset(PREDICATES[one] for one in self.image_predicates))
