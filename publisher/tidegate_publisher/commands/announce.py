"""`tidegate announce`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from tidegate_publisher import wiring
from tidegate_publisher.bundle_input import read_bundle
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.release import ReleaseInput, release_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.report import outcome_document, outcome_rows

if TYPE_CHECKING:
    from tidegate_publisher.output import Output


@click.command(short_help="Sign a release and announce it on its channel.")
@release_options
@click.option(
    "--bundle", type=click.File("rb"), metavar="FILE", help="Announce what was signed before; - is stdin."
)
@click.option(
    "--replace-unverified",
    is_flag=True,
    help="Put the statement in the place of one that does not verify; needs --sequence.",
)
@identity_options
@trust_options
@broker_options
@output_options
def announce(
    *,
    release: ReleaseInput,
    bundle: IO[bytes] | None,
    replace_unverified: bool,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Sign a release and announce it on its channel.

    Reads and verifies what the channel holds, takes the next sequence, resolves the image's tag to its
    digest, signs with Sigstore (the CI's identity, a token, or you in a browser) or with --key, verifies what
    was signed, publishes it retained, and reads it back from the broker. With --signers, or --identity and
    --issuer, it verifies by the policy that you give to hosts; without them by whoever signs, who must then
    be the previous signer.

    \b
    Examples:
      tidegate announce release.yaml --broker mqtts://broker.example
      tidegate announce release.yaml --image registry.example/os:1.3 --version 1.3
      tidegate announce --bundle bundle.json --signers signers.toml

    Refuses to announce: what does not verify, or lacks signers (see `tidegate countersign`), a sequence at or
    below the channel's, a tag that cannot be resolved, a change of signer that you did not ask for. Repeating
    a failed announcement is safe.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if bundle is not None and (release.file is not None or release.overrides):
        raise click.UsageError("--bundle is signed already: give neither a release file nor its flags")
    if bundle is None and release.file is None and not release.overrides:
        raise click.UsageError("name a release file or --bundle")
    # What is signed already needs nobody's key.
    trust = trust.beside(identity.pair) if bundle is not None else trust.to_sign(identity)
    if bundle is not None:
        signed = read_bundle(bundle)
        with broker.open(output) as session:
            announcing = wiring.announcing(session, broker, trust, output)
            outcome = announcing.bundle(signed, replace_unverified=replace_unverified)
    else:
        wanted = release.load()
        identity.check()
        desk = wiring.signing_desk(trust, identity, output)
        signatures = wiring.image_signatures(trust.image_policy(), trust) if release.signed_image else None
        signing = wiring.release_signing(release.resolver(), desk, output, signatures)
        with broker.open(output) as session:
            announcing = wiring.announcing(session, broker, trust, output)
            outcome = announcing.release(wanted, signing, replace_unverified=replace_unverified)
    output.result(outcome_rows(outcome, wiring.clock.now(), "announced"), outcome_document(outcome))
