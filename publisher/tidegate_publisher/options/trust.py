"""--trust-config, --trusted-root, --identity, --issuer: which Sigstore, and who may sign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_publisher.options.declare import group

if TYPE_CHECKING:
    from tidegate_publisher.ports import Verifier
    from tidegate_wire.trust.root import PinnedRoot

_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Trust:
    """What signatures are verified against.

    Attributes:
        trust_config: a private Sigstore's client trust config.
        trusted_root: the root that hosts pin, where it is another file.
        identities: who may sign; each stands beside the issuer with the same index.
        issuers: who vouches for them.
    """

    trust_config: Path | None
    trusted_root: Path | None
    identities: tuple[str, ...]
    issuers: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.identities) != len(self.issuers):
            raise click.UsageError("--identity and --issuer go together: give each --identity its --issuer")

    def root(self) -> PinnedRoot:
        """The trusted root. Raises TidegateError(TRUST_ROOT_MISSING or CONFIG_*)."""
        from tidegate_publisher.adapters.trust_config import trusted_root_of  # noqa: PLC0415 -- only when needed

        return trusted_root_of(self.trust_config, self.trusted_root)

    def verifier(self) -> Verifier:
        """A verifier with the policy that was given; nothing is read yet."""
        from tidegate_publisher.adapters.sigstore_verifier import SigstoreVerifier  # noqa: PLC0415 -- the same
        from tidegate_wire.trust.policy import SignerPolicy, exactly  # noqa: PLC0415 -- the same

        signers = tuple(map(exactly, self.identities, self.issuers))
        return SigstoreVerifier(self.root, SignerPolicy(signers) if signers else None)


trust_options = group(
    "trust",
    Trust,
    (
        click.option(
            "--trust-config",
            type=_FILE,
            envvar="TIDEGATE_TRUST_CONFIG",
            show_envvar=True,
            help="A private Sigstore's ClientTrustConfig (JSON).  [default: the public good instance]",
        ),
        click.option(
            "--trusted-root",
            type=_FILE,
            envvar="TIDEGATE_TRUSTED_ROOT",
            help="Verify against this trusted_root.json, the one that hosts pin, or 'public-good'.",
        ),
        click.option(
            "--identity",
            "identities",
            multiple=True,
            metavar="SAN",
            help="Who may sign, as hosts are told; repeat for several, each with its --issuer.",
        ),
        click.option("--issuer", "issuers", multiple=True, metavar="URL", help="Who vouches for --identity."),
    ),
    ("trust_config", "trusted_root", "identities", "issuers"),
)
