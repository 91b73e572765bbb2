"""--key: a key pair, which signs, or which is only trusted."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from tidegate_publisher.options.declare import group
from tidegate_publisher.output import Output

if TYPE_CHECKING:
    from tidegate_publisher.adapters.key_file import Key
    from tidegate_wire.trust.policy import SignerPolicy

PASSWORD: Final = "TIDEGATE_KEY_PASSWORD"  # noqa: S105 -- the variable's name
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_TYPED: Final = ParameterSource.COMMANDLINE


class KeyFile:
    """A key pair by its private half; or, where nothing is signed, by its public one.

    Args:
        path: the file.
        interactive: whether there is a person at a terminal, to be asked for a password.
    """

    def __init__(self, path: Path, *, interactive: bool) -> None:
        self.path = path
        self._interactive = interactive
        self._loaded: Key | None = None

    def asks(self) -> bool:
        """Whether somebody will be asked for a password."""
        from tidegate_publisher.adapters.key_file import is_encrypted  # noqa: PLC0415 -- cryptography, 0.1 s

        waits = self._loaded is None and self._interactive and PASSWORD not in os.environ
        return waits and is_encrypted(self.path)

    def private(self) -> Key:
        """The private key. Raises TidegateError(CONFIG_MISSING, TRUST_KEY_UNUSABLE)."""
        from tidegate_publisher.adapters.key_file import others_may_read, read_private_key  # noqa: PLC0415 -- as above

        if self._loaded is None:
            self._loaded = read_private_key(self.path, self._password)
            if others_may_read(self.path):
                Output().warn(
                    f"more than its owner may read {self.path}, and sign with it: chmod 600 {self.path}"
                )
        return self._loaded

    def policy(self) -> SignerPolicy:
        """The policy that trusts nobody but this pair. Raises as `private`."""
        from tidegate_publisher.adapters.key_file import public_pem, read_public_key  # noqa: PLC0415 -- as above
        from tidegate_wire.trust.policy import KeySigner, SignerPolicy  # noqa: PLC0415 -- the same

        pem = read_public_key(self.path) if self._loaded is None else None
        return SignerPolicy((KeySigner(self.path.name, pem or public_pem(self.private())),))

    def _password(self) -> str | None:
        given = os.environ.get(PASSWORD)
        if given is None and self._interactive:
            asked: str = click.prompt(f"Password of {self.path}", hide_input=True, err=True)
            return asked
        return given


def at_a_terminal() -> bool:
    """Whether there is a person who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _build(own_key: Path | None) -> KeyFile | None:
    source = click.get_current_context().get_parameter_source
    # What stands on the command line counts more than what a job's environment says for all.
    elsewhere = source("own_key") is not _TYPED and source("identities") is _TYPED
    return None if own_key is None or elsewhere else KeyFile(own_key, interactive=at_a_terminal())


own_key_options = group(
    "own_key",
    _build,
    (
        click.option(
            "--key",
            "own_key",
            type=_FILE,
            envvar="TIDEGATE_KEY",
            show_envvar=True,
            help="Trust this key pair (either of its files) where --signers names nobody. Signs nothing.",
        ),
    ),
    ("own_key",),
)
