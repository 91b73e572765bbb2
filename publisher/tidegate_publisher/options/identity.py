"""--identity-token and its kin, or --key: in whose name is signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from tidegate_publisher.options.declare import group
from tidegate_publisher.options.key import PASSWORD, KeyFile, at_a_terminal

if TYPE_CHECKING:
    from tidegate_publisher.adapters.identity import IdentitySource
    from tidegate_publisher.ports import Signer

_KEYLESS: Final = ("identity_token", "identity_token_file", "oob")
_FILE = click.Path(dir_okay=False, path_type=Path)


class Identity:
    """Who signs: somebody with a certificate, or with a key pair.

    Args:
        source: where a certificate's identity comes from.
        pair: the key pair; None signs with a certificate.
    """

    def __init__(self, source: IdentitySource, pair: KeyFile | None) -> None:
        self._source = source
        self.pair = pair

    @property
    def key(self) -> Path | None:
        """The private key's file; None signs with a certificate."""
        return None if self.pair is None else self.pair.path

    def check(self) -> None:
        """Find out early whether there is somebody to sign as.

        Raises:
            TidegateError: IDENTITY_UNAVAILABLE, CONFIG_MISSING, TRUST_KEY_UNUSABLE.
        """
        if self.pair is None:
            self._source.check()
        else:
            self.pair.private()

    def needs_person(self) -> bool:
        """Whether somebody will be asked to sign in, or for a password. Raises as `check`."""
        return self._source.needs_person() if self.pair is None else self.pair.asks()

    def signer(self, trust_config: Path | None) -> Signer:
        """What signs. Raises TidegateError(CONFIG_MISSING, TRUST_KEY_UNUSABLE).

        Args:
            trust_config: a private Sigstore's client trust config; a key needs none.
        """
        if self.pair is not None:
            from tidegate_publisher.adapters.key_signer import KeySigner  # noqa: PLC0415 -- only with a key

            return KeySigner(self.pair.private())
        from tidegate_publisher.adapters.sigstore_signer import SigstoreSigner  # noqa: PLC0415 -- the opposite

        return SigstoreSigner(trust_config, self._source)


@dataclass(frozen=True, slots=True)
class _Given:
    """Which options stand on the command line itself, rather than in the environment."""

    key: bool
    keyless: bool

    @classmethod
    def look(cls) -> _Given:
        context = click.get_current_context()

        def on_command_line(name: str) -> bool:
            return context.get_parameter_source(name) is ParameterSource.COMMANDLINE

        return cls(on_command_line("signing_key"), any(map(on_command_line, _KEYLESS)))


def _build(
    identity_token: str | None, identity_token_file: Path | None, signing_key: Path | None, *, oob: bool
) -> Identity:
    from tidegate_publisher.adapters.identity import IdentitySource  # noqa: PLC0415 -- only for who signs

    given = _Given.look()
    if given.key and given.keyless:
        raise click.UsageError("--key signs without Sigstore: give no identity token beside it")
    interactive = at_a_terminal()
    source = IdentitySource(identity_token, identity_token_file, interactive, oob)
    # What stands on the command line counts more than what a job's environment says for all.
    if signing_key is None or given.keyless:
        return Identity(source, None)
    return Identity(source, KeyFile(signing_key, interactive=interactive))


identity_options = group(
    "identity",
    _build,
    (
        click.option(
            "--identity-token",
            envvar="SIGSTORE_ID_TOKEN",
            show_envvar=True,
            metavar="JWT",
            help="Sign as this OIDC token says.  [default: the CI's own identity, else a browser]",
        ),
        click.option(
            "--identity-token-file",
            type=_FILE,
            help="The same out of a file, where process lists do not show it.",
        ),
        click.option("--oob", is_flag=True, help="Print a sign-in link rather than open a browser."),
        click.option(
            "--key",
            "signing_key",
            type=_FILE,
            envvar="TIDEGATE_KEY",
            show_envvar=True,
            help=f"Sign with this private key (PEM) and without Sigstore; its password is ${PASSWORD}.",
        ),
    ),
    ("identity_token", "identity_token_file", "oob", "signing_key"),
)
