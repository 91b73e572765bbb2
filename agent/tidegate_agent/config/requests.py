"""Who may send requests to this host, if anybody may."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field, model_validator

from tidegate_agent.config.scalars import Duration, refused
from tidegate_agent.config.signing import require_signers, with_certificates
from tidegate_agent.config.tables import Table
from tidegate_agent.requests import MAX_VALIDITY, RequestPolicy
from tidegate_schemas.codes import Code
from tidegate_wire.trust.cosigned import MAX_BUNDLES
from tidegate_wire.trust.settings import SignerSettings, policy_of

if TYPE_CHECKING:
    from tidegate_wire.trust.policy import SignerPolicy

LONGEST: Final = timedelta(days=31)
"""How long requests may be valid at most: they are all remembered until they expire."""


class RequestsSettings(Table):
    """Signed requests to this host over the broker. Without this table it takes none.

    Attributes:
        signers: whose requests are carried out; at least one is needed.
        threshold: how many different signers have to stand behind a request.
        max_validity: requests that are valid for longer are refused, 31d at most.
    """

    signers: Annotated[tuple[SignerSettings, ...], Field(strict=False)] = ()
    threshold: int = Field(default=1, ge=1, le=MAX_BUNDLES)
    max_validity: Duration = MAX_VALIDITY

    @model_validator(mode="after")
    def _trusts_somebody(self) -> Self:
        if not self.signers:
            raise refused(
                Code.TRUST_POLICY_EMPTY,
                "expected at least one [[requests.signers]]; a host that takes no requests has no [requests]",
            )
        require_signers("signers", self.signers, self.threshold)
        if self.max_validity > LONGEST:
            raise refused(Code.CONFIG_VALUE, f"expected a max_validity of {LONGEST.days}d or less")
        return self

    def bounds(self) -> RequestPolicy:
        """The bounds on requests, as the core knows them."""
        return RequestPolicy(self.max_validity)

    @property
    def needs_root(self) -> bool:
        """Whether it trusts anybody with a certificate."""
        return with_certificates(self.signers)

    def policy(self) -> SignerPolicy:
        """Who may sign requests. Raises TidegateError(TRUST_KEY_UNUSABLE)."""
        return policy_of(self.signers, self.threshold)
