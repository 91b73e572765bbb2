"""`tidegate verify`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from tidegate_publisher import wiring
from tidegate_publisher.freshness import require_fresh
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.key import KeyFile, own_key_options
from tidegate_publisher.options.message import message_options, read_message
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.report import signer_rows, statement_rows, verified_document
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_publisher.options.target import Target
    from tidegate_publisher.output import Output
    from tidegate_publisher.ports import Verified


@click.command(short_help="Check a signed statement as hosts do.")
@message_options("Verify what the broker holds there.")
@click.option("--allow-expired", is_flag=True, help="Accept a statement whose validity has passed.")
@own_key_options
@trust_options
@broker_options
@output_options
def verify(
    *,
    file: IO[bytes] | None,
    bus: Target | None,
    allow_expired: bool,
    own_key: KeyFile | None,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Check a signed statement as hosts do: signature, log, signer, content, freshness.

    With --signers, --key, or --identity and --issuer, the signer must be one of those, and there must be as
    many as hosts ask for; without them the statement is found genuine or not, and you are told who signed it:
    whether that is the right signer is then yours to judge.

    \b
    Examples:
      tidegate verify bundle.json --identity release@example.org --issuer https://accounts.google.com
      tidegate verify --bus os/stable --broker mqtts://broker.example

    Exit code 4 when it does not verify or has expired.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    bundle = read_message(file, bus, broker, output)
    verifier = trust.beside(own_key).verifier()
    with output.phase("verifying"):
        verified = verifier.verify(bundle, bus)
    _check_fresh(verified, allow_expired=allow_expired)
    if verifier.policy is None:
        output.warn("no --signers, --key or --identity was given: the statement is genuine, by whomever")
    rows = [("result", "verified"), *signer_rows(verified)]
    rows += statement_rows(verified.statement, wiring.clock.now())
    compared = verifier.policy is not None
    output.result(rows, {**verified_document(verified), "verified": True, "signerCompared": compared})


def _check_fresh(verified: Verified, *, allow_expired: bool) -> None:
    try:
        require_fresh(verified.statement, wiring.clock.now())
    except TidegateError as error:
        if not (allow_expired and error.code is Code.STATEMENT_EXPIRED):
            raise
