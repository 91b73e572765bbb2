"""--expect-sequence and --trust-broker: where the caller believes the channel to stand."""

from __future__ import annotations

from typing import Final

import click

_WHY: Final = (
    "say where the channel stands, with --expect-sequence N: a broker can play back an old statement, and "
    "signed again it would undo what came after. N is the sequence that the command before printed; "
    "--trust-broker takes the broker's word"
)

expect_sequence_option = click.option(
    "--expect-sequence",
    type=int,
    metavar="N",
    help="Refuse unless the channel stands at this sequence, which the command before printed.",
)
trust_broker_option = click.option(
    "--trust-broker",
    is_flag=True,
    help="Take the broker's word for where the channel stands, in place of --expect-sequence.",
)


def require_expectation(sequence: int | None, *, trust_broker: bool) -> None:
    """For what lets hosts go on: only the caller knows where the channel stands.

    An old statement is as genuine as the newest. Signed again, one sequence further, it would count for more.
    """
    if sequence is None and not trust_broker:
        raise click.UsageError(_WHY)
    if sequence is not None and trust_broker:
        raise click.UsageError("--expect-sequence says what --trust-broker leaves to the broker: give one")
