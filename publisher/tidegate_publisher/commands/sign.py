"""`tidegate sign`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from tidegate_publisher import wiring
from tidegate_publisher.announce import NOTHING
from tidegate_publisher.delivery import deliver
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.into import into_option
from tidegate_publisher.options.release import ReleaseInput, release_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.output import Output


@click.command(short_help="Sign a release into a bundle file.")
@release_options
@into_option(required=True, text="Where to write the bundle; - is stdout.")
@click.option(
    "--bus", is_flag=True, help="Ask the broker for the channel's sequence; without it give --sequence."
)
@identity_options
@trust_options
@broker_options
@output_options
def sign(
    *,
    release: ReleaseInput,
    into: Path,
    bus: bool,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Sign a release into a bundle file, and announce nothing.

    The image's tag is resolved to its digest, the statement is composed and signed with Sigstore or --key,
    and what was signed is verified. Announce the file later, also from elsewhere, with
    `tidegate announce --bundle`. Where hosts ask for several signers, the others add theirs before, with
    `tidegate countersign`.

    \b
    Examples:
      tidegate sign release.yaml --sequence 42 -o bundle.json
      tidegate sign release.yaml --bus --broker mqtts://broker.example -o bundle.json

    Refuses a release without sequence when it may not ask the broker, a tag that cannot be resolved, and a
    signature that does not verify against the trusted root.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    wanted = release.load()
    if wanted.sequence is None and not bus:
        raise TidegateError(
            Code.RELEASE_INVALID, "sequence: is required, or --bus to ask the broker for the next one"
        )
    trust = trust.to_sign(identity)
    identity.check()
    desk = wiring.signing_desk(trust, identity, output)
    signatures = wiring.image_signatures(trust.image_policy(), trust) if release.signed_image else None
    signing = wiring.release_signing(release.resolver(), desk, output, signatures)
    with contextlib.ExitStack() as stack:
        before = NOTHING
        if bus:
            session = stack.enter_context(broker.open(output))
            announcing = wiring.announcing(session, broker, trust, output)
            before = announcing.before(wanted, replace_unverified=False)
        outcome = signing.sign(wanted, before, unfinished=True)
    deliver(outcome, into, output)
