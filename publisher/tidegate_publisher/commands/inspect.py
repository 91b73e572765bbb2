"""`tidegate inspect`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from tidegate_publisher import wiring
from tidegate_publisher.bundle_input import read_bundle
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.report import statement_document, statement_rows
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from tidegate_publisher.output import Output, Rows
    from tidegate_wire.trust.describe import UnverifiedDescription


@click.command(short_help="Show what a bundle claims, unverified.")
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@output_options
def inspect(file: IO[bytes], output: Output) -> None:
    """Show what a bundle claims: its signer, its times, its statement. NOTHING of it is verified.

    For looking at what went wrong. Anybody can write a bundle that claims anything; to know whether it is
    true use `tidegate verify`.

    \b
    Example:
      tidegate inspect bundle.json

    Refuses what is no Sigstore bundle v0.3 around a signed statement.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    from tidegate_wire.trust.describe import describe_unverified  # noqa: PLC0415 -- cryptography, 0.1 s

    claims = describe_unverified(read_bundle(file))
    output.warn("NOT VERIFIED: everything below is only what the file claims; use `tidegate verify`")
    output.result(_rows(claims), _document(claims))


def _rows(claims: UnverifiedDescription) -> Rows:
    rows = [
        ("NOT VERIFIED", "claims only"),
        ("claimed signer", f"{claims.identity} (issuer {claims.issuer or 'not said'})"),
        ("certificate", f"{rfc3339(claims.not_before)} to {rfc3339(claims.not_after)}"),
        ("claimed time", ", ".join(rfc3339(moment) for moment in claims.signed_at) or "none"),
        ("log entry", f"{claims.log_kind}, index {claims.log_index}"),
        ("payload type", claims.payload_type),
    ]
    if claims.statement is None:
        return [*rows, ("statement", f"not a channel statement: {claims.fault}")]
    return rows + statement_rows(claims.statement, wiring.clock.now())


def _document(claims: UnverifiedDescription) -> dict[str, Any]:
    return {
        "verified": False,
        "claimed": {
            "identity": claims.identity,
            "issuer": claims.issuer,
            "notBefore": rfc3339(claims.not_before),
            "notAfter": rfc3339(claims.not_after),
            "signedAt": [rfc3339(moment) for moment in claims.signed_at],
            "logKind": claims.log_kind,
            "logIndex": claims.log_index,
            "payloadType": claims.payload_type,
            "statement": None if claims.statement is None else statement_document(claims.statement),
            "fault": claims.fault,
        },
    }
