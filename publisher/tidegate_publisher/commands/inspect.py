"""`tidegate inspect`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from tidegate_publisher import wiring
from tidegate_publisher.bundle_input import read_bundle
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.report import statement_document, statement_rows
from tidegate_schemas.base import rfc3339
from tidegate_wire.trust.describe import UnverifiedDescription, UnverifiedKey, describe_message

if TYPE_CHECKING:
    from tidegate_publisher.output import Output, Rows
    from tidegate_schemas.statement import ChannelStatement

    Claims = tuple[UnverifiedDescription | UnverifiedKey, ...]


@click.command(short_help="Show what a bundle claims, unverified.")
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@output_options
def inspect(file: IO[bytes], output: Output) -> None:
    """Show what a bundle claims: its signers, its times, its statement. NOTHING of it is verified.

    For looking at what went wrong. Anybody can write a bundle that claims anything; to know whether it is
    true use `tidegate verify`.

    \b
    Example:
      tidegate inspect bundle.json

    Refuses what is neither a Sigstore bundle v0.3 around a signed statement, nor a message of several.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    claims = describe_message(read_bundle(file))
    output.warn("NOT VERIFIED: everything below is only what the file claims; use `tidegate verify`")
    output.result(_rows(claims), _document(claims))


def _rows(claims: Claims) -> Rows:
    rows = [("NOT VERIFIED", "claims only")]
    shown: ChannelStatement | None = None
    for claim in claims:
        rows += _signer_rows(claim)
        rows.append(("payload type", claim.payload_type))
        if claim.statement is None:
            rows.append(("statement", f"not a channel statement: {claim.fault}"))
        elif claim.statement != shown:
            # All signers should have signed the same; what differs is shown beside its signer.
            shown = claim.statement
            rows += statement_rows(shown, wiring.clock.now())
    return rows


def _signer_rows(claim: UnverifiedDescription | UnverifiedKey) -> Rows:
    match claim:
        case UnverifiedKey():
            return [("claimed signer", f"a key pair, hint {claim.hint or 'not given'}")]
        case UnverifiedDescription():
            return [
                ("claimed signer", f"{claim.identity} (issuer {claim.issuer or 'not said'})"),
                ("certificate", f"{rfc3339(claim.not_before)} to {rfc3339(claim.not_after)}"),
                ("claimed time", ", ".join(rfc3339(moment) for moment in claim.signed_at) or "none"),
                ("log entry", f"{claim.log_kind}, index {claim.log_index}"),
            ]


def _document(claims: Claims) -> dict[str, Any]:
    """The claims; `claimed` is the first signer's, as it is for a plain bundle."""
    each = [_claimed(claim) for claim in claims]
    return {"verified": False, "claimed": each[0], "bundles": each}


def _claimed(claim: UnverifiedDescription | UnverifiedKey) -> dict[str, Any]:
    said = {
        "payloadType": claim.payload_type,
        "statement": None if claim.statement is None else statement_document(claim.statement),
        "fault": claim.fault,
    }
    if isinstance(claim, UnverifiedKey):
        return {"hint": claim.hint, **said}
    return {
        "identity": claim.identity,
        "issuer": claim.issuer,
        "notBefore": rfc3339(claim.not_before),
        "notAfter": rfc3339(claim.not_after),
        "signedAt": [rfc3339(moment) for moment in claim.signed_at],
        "logKind": claim.log_kind,
        "logIndex": claim.log_index,
        **said,
    }
