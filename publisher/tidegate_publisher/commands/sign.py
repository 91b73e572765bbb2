"""`tidegate sign`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher import wiring
from tidegate_publisher.announce import NOTHING
from tidegate_publisher.atomic_file import write_whole
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.identity import identity_options
from tidegate_publisher.options.release import ReleaseInput, release_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.report import outcome_document, outcome_rows
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_publisher.adapters.identity import IdentitySource
    from tidegate_publisher.announce import Outcome
    from tidegate_publisher.output import Output

_STDOUT: Final = Path("-")


@click.command(short_help="Sign a release into a bundle file.")
@release_options
@click.option(
    "--output",
    "-o",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where to write the bundle; - is stdout.",
)
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
    target: Path,
    bus: bool,
    identity: IdentitySource,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Sign a release into a bundle file, and announce nothing.

    The image's tag is resolved to its digest, the statement is composed and signed with Sigstore, and what
    was signed is verified. Announce the file later, also from elsewhere: `tidegate announce --bundle`.

    \b
    Examples:
      tidegate sign release.yaml --sequence 42 -o bundle.json
      tidegate sign release.yaml --bus --broker mqtts://broker.example -o bundle.json

    Refuses a release without sequence when it may not ask the broker, a tag that cannot be resolved, and a
    signature that does not verify against the trusted root.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if not target.parent.is_dir():
        raise click.UsageError(f"--output: there is no folder {target.parent}")
    wanted = release.load()
    if wanted.sequence is None and not bus:
        raise TidegateError(
            Code.RELEASE_INVALID, "sequence: is required, or --bus to ask the broker for the next one"
        )
    identity.check()
    desk = wiring.signing_desk(trust, identity, output)
    signing = wiring.release_signing(release.resolver(), desk, output)
    with contextlib.ExitStack() as stack:
        before = NOTHING
        if bus:
            session = stack.enter_context(broker.open(output))
            announcing = wiring.announcing(session, broker, trust, output)
            before = announcing.before(wanted, replace_unverified=False)
        outcome = signing.sign(wanted, before)
    _deliver(outcome, target, output)


def _deliver(outcome: Outcome, target: Path, output: Output) -> None:
    if target == _STDOUT:
        sys.stdout.buffer.write(outcome.signed.bundle + b"\n")
        return
    write_whole(target, outcome.signed.bundle)
    now = wiring.clock.now()
    rows = outcome_rows(outcome, now, f"signed into {target}, not announced")
    output.result(rows, {**outcome_document(outcome), "bundle": str(target)})
