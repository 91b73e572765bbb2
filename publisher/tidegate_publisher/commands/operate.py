"""`tidegate hold`, `resume`, `promote`, `revoke`, `heartbeat`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from tidegate_publisher import wiring
from tidegate_publisher.delivery import deliver
from tidegate_publisher.operations import Conditions, Operation
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.expectation import (
    expect_sequence_option,
    require_expectation,
    trust_broker_option,
)
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.into import into_option
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.target import Target, read_target
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.report import outcome_document, outcome_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

    from tidegate_publisher.output import Output

_RESULTS = {
    Operation.HOLD: "held",
    Operation.RESUME: "resumed",
    Operation.PROMOTE: "promoted",
    Operation.REVOKE: "revoked",
    Operation.HEARTBEAT: "renewed",
}


_WAVE = click.argument("wave", required=False, metavar="[WAVE]")


def _options(function: Callable[..., None], *arguments: Callable[[Any], Any]) -> Callable[..., None]:
    """What all of them take, and arguments that only one does."""
    decorators = (
        click.argument("target", callback=read_target, metavar="PRODUCT/CHANNEL"),
        *arguments,
        expect_sequence_option,
        click.option(
            "--expires-in",
            callback=read_duration,
            metavar="DURATION",
            help="How long hosts may act on the new statement.  [default: as long as on the old]",
        ),
        click.option("--even-if-expired", is_flag=True, help="Go on from a statement that has expired."),
        into_option("Publish nothing: write the signed statement here; - is stdout.", required=False),
        identity_options,
        trust_options,
        broker_options,
        output_options,
    )
    decorated: Any = function
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    return decorated  # type: ignore[no-any-return]


def _command(
    operation: Operation, short_help: str, *arguments: Callable[[Any], Any]
) -> Callable[[Callable[[], None]], click.Command]:
    """Make a command of a function that has nothing but the help text."""

    def decorate(described: Callable[[], None]) -> click.Command:
        @functools.wraps(described)
        def run(**values: Any) -> None:  # noqa: ANN401 -- the options above
            _run(operation=operation, **values)

        return click.command(operation.value, short_help=short_help)(_options(run, *arguments))

    return decorate


def _run(
    *,
    operation: Operation,
    target: Target,
    expect_sequence: int | None,
    expires_in: timedelta | None,
    even_if_expired: bool,
    into: Path | None,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
    wave: str | None = None,
    trust_broker: bool = False,
) -> None:
    if operation.lets_hosts_go_on:
        require_expectation(expect_sequence, trust_broker=trust_broker)
    conditions = Conditions(expect_sequence, even_if_expired, expires_in)
    trust = trust.to_sign(identity).require_policy()
    with broker.open(output) as session:
        operating = wiring.operating(session, broker, trust, identity, output)
        outcome = operating.run(operation, *target, conditions, wave=wave, publish=into is None)
    if into is not None and outcome.changed:
        deliver(outcome, into, output)
        return
    rows = outcome_rows(outcome, wiring.clock.now(), _RESULTS[operation])
    output.result(rows, outcome_document(outcome))


@_command(Operation.HOLD, "Stop a release from spreading, for now.")
def hold() -> None:
    """Stop a release from spreading, for now.

    Hosts that have not begun wait; those that run it already keep it. The retained statement is verified, and
    the same release is signed again as held, one sequence further. `tidegate resume` lets it go on.

    \b
    Example:
      tidegate hold os/stable --signers signers.toml --broker mqtts://broker.example

    Refuses to build on a statement that does not verify by the policy that you give to hosts, and on a
    revoked release. Holding twice is a no-op.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are


@_command(Operation.RESUME, "Let a held release go on.", trust_broker_option)
def resume() -> None:
    """Let a held release go on.

    \b
    Examples:
      tidegate resume os/stable --signers signers.toml --expect-sequence 43
      tidegate resume os/stable --signers signers.toml --expect-sequence 43 -o resumed.json

    The second is for others to countersign. Refuses a channel that stands elsewhere: an old statement that is
    played back is as genuine as the newest. Refuses a revoked release (announce one instead), one that lacks
    signers (announce it anew), and a statement that has expired; --even-if-expired overrides the latter.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are


@_command(Operation.PROMOTE, "Open the next wave of a release.", _WAVE, trust_broker_option)
def promote() -> None:
    """Open the next wave of a release: the one that is named, else the first that is not open.

    The same release is signed again with that wave open, one sequence further. Its seed stays as it is, so
    that every host keeps its place; announcing the release anew would draw another.

    \b
    Examples:
      tidegate promote os/stable --signers signers.toml --expect-sequence 42
      tidegate promote os/stable everybody --signers signers.toml --expect-sequence 43

    Refuses a channel that stands elsewhere, a wave that the release does not have, a held release (resume it
    first), a revoked one, and a statement that has expired or lacks signers, as resume does. Promoting a wave
    that is open is a no-op; with --trust-broker and without a name each repetition opens one more.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are


@_command(Operation.REVOKE, "Withdraw a release for good.")
def revoke() -> None:
    """Withdraw a release for good.

    Hosts that staged it discard it; hosts that run it stay on it until another release comes. It cannot be
    undone: the next release, or the same image again, is a new announcement.

    \b
    Example:
      tidegate revoke os/stable --signers signers.toml --broker mqtts://broker.example

    Refuses to build on a statement that does not verify by the policy that you give to hosts. Revoking twice
    is a no-op.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are


@_command(Operation.HEARTBEAT, "Make a channel's statement fresh again.", trust_broker_option)
def heartbeat() -> None:
    """Make a channel's statement fresh again, without changing what it says.

    A statement expires, so that a broker which withholds news is noticed. Run this in CI on a schedule, at a
    third of the validity or more often: the same release is signed again, one sequence further.

    \b
    Example:
      tidegate heartbeat os/stable --signers signers.toml --expect-sequence "$LAST" --json | jq .sequence

    $LAST is what this printed the time before. Refuses a channel that stands elsewhere, and a statement that
    does not verify, lacks signers, or has expired: a heartbeat must not make fresh what somebody plays back.
    --even-if-expired overrides the latter when you know that it is the newest.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
