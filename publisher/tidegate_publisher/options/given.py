"""What was given on the command line, to be repeated in a command that a person can paste. No secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PLACES: Final = frozenset(
    {
        *("url", "ca", "cert", "key", "username", "password_file", "prefix", "protocol", "timeout_s"),
        *("trust_config", "trusted_root", "signers", "identities", "issuers"),
    }
)
_SIGNING: Final = frozenset({"identity_token_file", "oob", "signing_key"})
_NOT_REPEATED: Final = frozenset({"--identity-token", "--run-id"})


def given_options(context: click.Context) -> tuple[str, ...]:
    """The options that say where the broker is, whom hosts trust and who signs, as they were given.

    What comes from the environment is there for the next command, too, and is left out.
    """
    found: list[str] = []
    for param in context.command.params:
        if param.name not in _PLACES | _SIGNING or not isinstance(param, click.Option):
            continue
        if context.get_parameter_source(param.name) is not ParameterSource.COMMANDLINE:
            continue
        found += _words(param, context.params[param.name])
    return tuple(found)


def given_words(context: click.Context) -> tuple[str, ...]:
    """The words of the whole command line, without a token, and without a run's id."""
    words = context.find_root().obj
    return () if not isinstance(words, list) else tuple(_kept(words))


def _words(option: click.Option, value: object) -> Iterable[str]:
    name = option.opts[-1]
    if option.is_flag:
        return (name,)
    values = value if isinstance(value, tuple) else (value,)
    return tuple(
        word for one in values for word in (name, f"{one:g}" if isinstance(one, float) else str(one))
    )


def _kept(words: Sequence[str]) -> Iterable[str]:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in _NOT_REPEATED:
            skip = True
        elif word.partition("=")[0] not in _NOT_REPEATED:
            yield word
