"""The channels that a host follows, and whom it believes on each."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tidegate_agent.config.scalars import Argv, File, refused
from tidegate_agent.config.tables import Table
from tidegate_agent.model import Follow
from tidegate_schemas.base import Name
from tidegate_schemas.codes import Code


class SignerSettings(Table):
    """Somebody whose statements are believed. Both strings are compared exactly; there are no patterns.

    Attributes:
        identity: the certificate's subject: a workflow's URI, or an e-mail address.
        issuer: the OIDC issuer that vouched for it.
    """

    identity: Annotated[str, Field(min_length=1, max_length=2048)]
    issuer: Annotated[str, Field(min_length=1, max_length=2048)]


class EmbeddedSettings(Table):
    """The embedded image engine: generations below one directory, and a `current` link.

    Attributes:
        directory: the store and the link.
        on_switch: a program that is run after the link has moved, such as a service's restart. What it leaves
            running in the background has to redirect its output.
        auth_file: registry credentials, in the form of containers-auth.json(5).
        registries_conf: mirrors and insecure registries, in the form of containers-registries.conf(5).
    """

    directory: File
    on_switch: Argv = ()
    auth_file: File | None = None
    registries_conf: File | None = None


class FollowSettings(Table):
    """A channel that this host follows. At least one is needed.

    Attributes:
        product: the product's name.
        channel: the channel's name.
        engine: what makes an image the running system.
        signers: whose statements are believed; at least one is needed.
        embedded: the settings of the embedded engine.
    """

    product: Name
    channel: Name
    engine: Literal["embedded"] = "embedded"
    signers: Annotated[tuple[SignerSettings, ...], Field(strict=False, validate_default=True)] = ()
    embedded: EmbeddedSettings | None = None

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
    def _engine_is_configured(self) -> Self:
        if self.embedded is None:
            raise refused(Code.CONFIG_MISSING, "expected a table [follow.embedded] with a directory")
        return self

    @property
    def follow(self) -> Follow:
        """The channel, as the core names it."""
        return Follow(self.product, self.channel)
