"""`tidegate rollout approve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate_publisher import wiring
from tidegate_publisher.operations import Conditions
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.expectation import (
    expect_sequence_option,
    require_expectation,
    trust_broker_option,
)
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.target import Target, read_target
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.report import outcome_document, outcome_rows

if TYPE_CHECKING:
    from tidegate_publisher.output import Output


@click.command(short_help="Let a wave through that a run asks for.")
@click.argument("target", callback=read_target, metavar="PRODUCT/CHANNEL")
@click.argument("wave")
@expect_sequence_option
@trust_broker_option
@identity_options
@trust_options
@broker_options
@output_options
def approve(
    *,
    target: Target,
    wave: str,
    expect_sequence: int | None,
    trust_broker: bool,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Let a wave through that a run asks for (`approval: true` in its gate).

    The approval is signed into the run's record; the run opens the wave, as far as its budget allows, when
    all else that it needs is there. Only the wave that is asked for now can be approved.
    `tidegate promote` is an approval, too, and opens the whole wave at once.

    \b
    Example:
      tidegate rollout approve os/stable everybody --expect-sequence 44 --signers signers.toml

    Refuses what `promote` refuses, a release that no run leads (`rollout.unled`), and a wave that no
    approval is asked for (`rollout.unasked`). Approving twice is a no-op.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    require_expectation(expect_sequence, trust_broker=trust_broker)
    trust = trust.to_sign(identity).require_policy()
    with broker.open(output) as session:
        approving = wiring.approving(session, broker, trust, identity, output)
        outcome = approving.approve(*target, wave, Conditions(expect_sequence))
    output.result(outcome_rows(outcome, wiring.clock.now(), "approved"), outcome_document(outcome))
