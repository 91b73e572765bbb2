"""`tidegate fleet`."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher.leaving import left_by_ctrl_c
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.fleet_choice import choice_options
from tidegate_publisher.options.key import KeyFile, own_key_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options

if TYPE_CHECKING:
    from tidegate_fleet.listing.choice import Choice
    from tidegate_publisher.output import Output

_ROWS: Final = 50


@click.command(short_help="List hosts: presence, versions, drift.")
@choice_options
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=_ROWS,
    show_default=True,
    metavar="N",
    help="The first rows alone. With --json all are told.",
)
@click.option("--all", "every", is_flag=True, help="Every row.")
@click.option(
    "--labels", "by_label", is_flag=True, help="The labels that these hosts have, with counts, and no rows."
)
@click.option(
    "--watch", is_flag=True, help="Go on: a screen on a terminal, elsewhere a line for each change."
)
@click.option(
    "--for",
    "duration",
    callback=read_duration,
    metavar="DURATION",
    help="With --watch: end after this time: 30m, 2h.  [default: never]",
)
@click.option(
    "--within",
    callback=read_duration,
    default="5m",
    show_default=True,
    metavar="DURATION",
    help="How long the broker may take to send what it has in store.",
)
@own_key_options
@trust_options
@broker_options
@output_options
def fleet(
    *,
    choice: Choice,
    rows: int,
    every: bool,
    by_label: bool,
    watch: bool,
    duration: timedelta | None,
    within: timedelta,
    own_key: KeyFile | None,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """List hosts by what they last said of themselves: presence, what they run, what they wait for.

    PHASE is how far a host is with the release of its channel. DRIFT says how it stands to what the channel
    holds, and why it does not run that: waiting, held, failed, quarantined, unheard. The worst come first. It
    reads what the broker retains and writes nothing. What hosts say is a claim, as good as the broker's ACL.
    With --signers, --key, or --identity and --issuer, what channels hold is verified, and nobody drifts from
    what does not verify.

    An option that narrows may be repeated: one of its words has to fit, of --label all.

    \b
    Examples:
      tidegate fleet --broker mqtts://broker.example
      tidegate fleet --product os --channel stable --label site=kiel --drifting
      tidegate fleet --phase failed --code health.failed
      tidegate fleet --label site=kiel --offline
      tidegate fleet --version 1.0 --waits-for window --sort host --all
      tidegate fleet --labels
      tidegate fleet --json | jq -r 'select(.type == "host" and .phase == "failed") | .host'
      tidegate fleet --watch --drifting

    MQTT does not tell when all retained messages have come: the list ends when none came for 2 s, or after
    --within with a warning ("complete": false with --json). Refuses words that do not exist, labels that are
    not KEY=VALUE, --for without --watch, and --labels with it.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if duration is not None and not watch:
        raise click.UsageError("--for says how long to --watch: give both, or neither")
    if by_label and watch:
        raise click.UsageError("--labels counts once, and --watch goes on: give one of them")
    from tidegate_fleet.listing.register import Register  # noqa: PLC0415 -- with what stands behind it, 0.2 s
    from tidegate_publisher.fleet_listing import list_fleet  # noqa: PLC0415 -- the same
    from tidegate_publisher.fleet_showing import Showing  # noqa: PLC0415 -- the same

    watched = timedelta(0) if not watch else duration
    showing = Showing(
        output,
        most=None if every or output.as_json else rows,
        most_s=within.total_seconds(),
        watch_s=None if watched is None else watched.total_seconds(),
        by_label=by_label,
    )
    with left_by_ctrl_c() if watch else contextlib.nullcontext():
        list_fleet(broker, trust.beside(own_key), Register(choice), showing)
