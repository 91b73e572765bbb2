"""`tidegate countersign`."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

import click

from tidegate_publisher import wiring
from tidegate_publisher.announce import Outcome
from tidegate_publisher.delivery import deliver
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.into import into_option
from tidegate_publisher.options.message import message_options, read_message
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.output import Output
from tidegate_publisher.report import signer_rows, statement_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.options.target import Target
    from tidegate_publisher.ports import Verified


@click.command(short_help="Add a signature to a statement.")
@message_options("Countersign what the broker holds there.")
@into_option("Where to write the countersigned statement; - is stdout.", required=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask whether this shall be signed; needed in a job.")
@identity_options
@trust_options
@broker_options
@output_options
def countersign(
    *,
    file: IO[bytes] | None,
    bus: Target | None,
    into: Path,
    yes: bool,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Add a signature to a statement, for hosts that ask for several signers.

    Verifies every signature that is there by the policy that you give to hosts, shows what would be signed
    and asks (a job says --yes), and signs the very same bytes. The outcome holds all signatures; announce it
    when there are enough.

    \b
    Examples:
      tidegate sign release.yaml --sequence 42 --signers signers.toml -o one.json     # the first signer
      tidegate countersign one.json --signers signers.toml -o both.json               # the second
      tidegate announce --bundle both.json --signers signers.toml

    Refuses to sign without being told whom hosts trust, a statement with any signature that does not verify,
    one that has expired, a second signature by the same signer, and a signer whom the signers file does not
    name. Announces nothing.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    trust = trust.to_sign(identity).require_policy()
    asks = not yes
    if asks and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("nobody is at a terminal to be asked: --yes signs without asking")
    message = read_message(file, bus, broker, output)
    identity.check()
    use = wiring.countersigning(trust, identity, output)
    seen = use.look(message, bus)
    # Nobody is asked about what was not shown, however quiet it shall be.
    _show(seen, Output() if asks else output)
    if asks:
        click.confirm("Sign this?", abort=True, err=True)
    deliver(Outcome(use.sign(message, seen), None, changed=True), into, output)


def _show(seen: Verified, output: Output) -> None:
    output.note("about to sign:")
    for label, value in [*statement_rows(seen.statement, wiring.clock.now()), *signer_rows(seen)]:
        for line in value.split("\n"):
            output.note(f"  {label:<10}  {line}")
