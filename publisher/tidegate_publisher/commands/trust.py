"""`tidegate trust`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options

if TYPE_CHECKING:
    from tidegate_publisher.output import Output
    from tidegate_wire.trust.root import PinnedRoot, TrustedParty


@click.command(short_help="Print the trusted root in use.")
@trust_options
@output_options
def trust(trust: Trust, output: Output) -> None:
    """Print the trusted root in use as trusted_root.json: what to install on hosts as trust.root.

    The public good root comes with the sigstore package; a private one out of --trust-config. On stderr it
    says who is in it.

    \b
    Examples:
      tidegate trust > trusted_root.json
      tidegate trust --trust-config private.json > trusted_root.json

    Refuses a file that is no trusted root.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    root = trust.root()
    output.note(f"from {root.origin}")
    for name, parties in _groups(root).items():
        for party in parties:
            output.note(f"  {name}: {_who(party)}")
    click.echo(json.dumps(_message(root), indent=None if output.as_json else 2))


def _groups(root: PinnedRoot) -> dict[str, tuple[TrustedParty, ...]]:
    return {
        "tlogs": root.tlogs,
        "certificateAuthorities": root.certificate_authorities,
        "ctlogs": root.ctlogs,
        "timestampAuthorities": root.timestamp_authorities,
    }


def _message(root: PinnedRoot) -> dict[str, Any]:
    """The root as protobuf's JSON mapping writes it, with exactly the parties that verification uses."""
    parts = {name: [party.content for party in parties] for name, parties in _groups(root).items()}
    return {"mediaType": root.media_type, **parts}


def _who(party: TrustedParty) -> str:
    where = str(party.content.get("uri") or party.content.get("baseUrl") or "without an address")
    if party.window is None:
        return where
    end = f" until {party.window.end.isoformat()}" if party.window.end else ""
    return f"{where}, valid from {party.window.start.isoformat()}{end}"
