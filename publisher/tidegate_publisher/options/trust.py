"""--trust-config, --trusted-root, --signers, --identity, --issuer: which Sigstore, and who may sign."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_publisher.options.declare import group
from tidegate_wire.trust.policy import ImagePolicy, SignerPolicy, exactly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_publisher.options.identity import Identity
    from tidegate_publisher.options.key import KeyFile
    from tidegate_publisher.ports import Verifier
    from tidegate_wire.trust.root import PinnedRoot

_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Trust:
    """What signatures are verified against.

    Attributes:
        trust_config: a private Sigstore's client trust config.
        trusted_root: the root that hosts pin, where it is another file.
        signers: a file with the signers that hosts are told to trust.
        identities: who may sign, in place of that file; each stands beside the issuer with the same index.
        issuers: who vouches for them.
        own: the policy of --key, which is trusted where nobody else is named.
    """

    trust_config: Path | None
    trusted_root: Path | None
    signers: Path | None
    identities: tuple[str, ...]
    issuers: tuple[str, ...]
    own: SignerPolicy | None = None

    def __post_init__(self) -> None:
        if len(self.identities) != len(self.issuers):
            raise click.UsageError("--identity and --issuer go together: give each --identity its --issuer")
        if self.signers is not None and self.identities:
            raise click.UsageError("--signers says who may sign: give no --identity beside it")

    def beside(self, pair: KeyFile | None) -> Trust:
        """The same with a key pair, which is trusted if nobody else is named.

        Raises:
            TidegateError: the key cannot be used.
        """
        if pair is None or self.signers is not None:
            return self
        if self.identities:
            text = "--key signs without certificate, so no --identity fits: name its public half in --signers"
            raise click.UsageError(text)
        return replace(self, own=pair.policy())

    def to_sign(self, identity: Identity) -> Trust:
        """The same for a command that signs: a key that signs trusts itself, if nobody is named.

        Raises:
            TidegateError: the key, or the signers file, cannot be used.
        """
        if identity.pair is None and self.signers is not None and self._by_keys():
            text = f"your signers are keys ({self.signers}): give --key FILE, or set TIDEGATE_KEY"
            raise click.UsageError(text)
        return self.beside(identity.pair)

    def _by_keys(self) -> bool:
        policy = self.policy()
        return policy is not None and policy.with_keys

    def require_policy(self) -> Trust:
        """The same, for a command that signs what it did not write itself."""
        if self.signers is None and self.own is None and not self.identities:
            text = (
                "this signs what somebody else may have written: say whom hosts trust, with --signers FILE, "
                "with --key FILE, or with --identity and --issuer"
            )
            raise click.UsageError(text)
        return self

    def root(self) -> PinnedRoot:
        """The trusted root. Raises TidegateError(TRUST_ROOT_MISSING or CONFIG_*)."""
        from tidegate_publisher.adapters.trust_config import trusted_root_of  # noqa: PLC0415 -- only when needed

        return trusted_root_of(self.trust_config, self.trusted_root)

    def policy(self) -> SignerPolicy | None:
        """Who may sign statements, None when nobody is named. Raises TidegateError(CONFIG_*, TRUST_*)."""
        if self.signers is not None:
            from tidegate_publisher.adapters.signers_file import read_signers  # noqa: PLC0415 -- the same

            return read_signers(self.signers).policy()
        return self.own or self._pairs()

    def image_policy(self, predicates: Sequence[str] = ()) -> ImagePolicy:
        """Who has to have signed images, and what.

        Args:
            predicates: `signature` or `provenance`; none leaves it to the signers file, or takes both.

        Raises:
            TidegateError: CONFIG_*, TRUST_*.
        """
        from tidegate_publisher.adapters.signers_file import read_signers  # noqa: PLC0415 -- the same
        from tidegate_wire.trust.policy import PREDICATES  # noqa: PLC0415 -- the same

        if self.signers is not None:
            policy = read_signers(self.signers).image_policy()
        else:
            named = self.own or self._pairs()
            if named is None:
                text = "say who has to have signed the image: --signers, --key, or --identity and --issuer"
                raise click.UsageError(text)
            policy = ImagePolicy(named)
        asked = frozenset(PREDICATES[one] for one in predicates)
        return replace(policy, predicates=asked) if asked else policy

    def verifier(self) -> Verifier:
        """A verifier with the policy that was given. Raises TidegateError(CONFIG_*, TRUST_*)."""
        from tidegate_publisher.adapters.sigstore_verifier import SigstoreVerifier  # noqa: PLC0415 -- the same

        return SigstoreVerifier(self.root, self.policy())

    def _pairs(self) -> SignerPolicy | None:
        signers = tuple(map(exactly, self.identities, self.issuers))
        return SignerPolicy(signers) if signers else None


def _build(
    trust_config: Path | None,
    trusted_root: Path | None,
    signers: Path | None,
    identities: tuple[str, ...],
    issuers: tuple[str, ...],
) -> Trust:
    return Trust(trust_config, trusted_root, signers, identities, issuers)


trust_options = group(
    "trust",
    _build,
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
            help="Verify against this trusted_root.json, the one that hosts pin.",
        ),
        click.option(
            "--signers",
            type=_FILE,
            envvar="TIDEGATE_SIGNERS",
            show_envvar=True,
            help="Who may sign, and how many have to: [[signers]] as in the hosts' [[follow]] (TOML).",
        ),
        click.option(
            "--identity",
            "identities",
            multiple=True,
            metavar="SAN",
            help="Who may sign, in place of --signers; repeat for several, each with its --issuer.",
        ),
        click.option("--issuer", "issuers", multiple=True, metavar="URL", help="Who vouches for --identity."),
    ),
    ("trust_config", "trusted_root", "signers", "identities", "issuers"),
)
