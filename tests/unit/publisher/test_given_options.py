"""What was given on a command line is repeated in commands that a person can paste, and secrets are not."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.given import given_options, given_words
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.run import RunInput, run_options
from tidegate_publisher.options.trust import Trust, trust_options


@click.command()
@identity_options
@trust_options
@broker_options
@run_options
@click.pass_context
def shown(ctx: click.Context, *, identity: Identity, trust: Trust, broker: Broker, run: RunInput) -> None:
    """Print what can be repeated."""
    del identity, trust, broker, run
    click.echo(" ".join(given_options(ctx)))
    click.echo(" ".join(given_words(ctx)))


@pytest.mark.parametrize(
    ("words", "options", "kept"),
    [
        (
            "--broker mqtts://b --timeout 5",
            "--broker mqtts://b --timeout 5",
            "--broker mqtts://b --timeout 5",
        ),
        (
            "--identity a --issuer b --identity c --issuer d",
            "--identity a --identity c --issuer b --issuer d",
            None,
        ),
        ("--identity-token s3cret --oob", "--oob", "--oob"),
        ("--identity-token=s3cret --signers x.toml", "--signers x.toml", "--signers x.toml"),
        ("--run-id one --broker-password-file p", "--broker-password-file p", "--broker-password-file p"),
        ("--claim-for 2h --run-id=one", "", "--claim-for 2h"),
        ("", "", ""),
    ],
)
def test_options_are_repeated_as_given_and_secrets_are_not(
    words: str, options: str, kept: str | None
) -> None:
    given = words.split()
    ran = CliRunner().invoke(shown, given, obj=given, env={"TIDEGATE_BROKER": "mqtts://other"})
    assert ran.exit_code == 0, ran.output
    told = ran.stdout.split("\n")
    assert (sorted(told[0].split()), told[1]) == (sorted(options.split()), words if kept is None else kept)
    assert "s3cret" not in ran.output
