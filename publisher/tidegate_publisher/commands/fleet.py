"""`tidegate fleet`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.key import KeyFile, own_key_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options

if TYPE_CHECKING:
    from tidegate_publisher.output import Output

_SORTS: Final = ("drift", "host", "state", "version")
_ROWS: Final = 50


def _read_label(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for value in values:
        key, sign, wanted = value.partition("=")
        if not (key and sign and wanted):
            raise click.BadParameter(f"{value[:80]!r} is not KEY=VALUE, such as site=kiel", ctx, param)
        labels[key] = wanted
    return labels


@click.command(short_help="List hosts: presence, versions, drift.")
@click.option("--product", metavar="NAME", help="Only channels of this product.")
@click.option("--channel", metavar="NAME", help="Only channels of this name.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    callback=_read_label,
    metavar="KEY=VALUE",
    help="Only hosts with this label; of several, with all.",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    metavar="STATE",
    help="Only updates in this state, or that wait for this: failed, staged, window; repeat for several.",
)
@click.option("--offline", is_flag=True, help="Only hosts that are not connected.")
@click.option("--drifting", is_flag=True, help="Only hosts that should run something else.")
@click.option(
    "--troubled", is_flag=True, help="Only hosts with faults, trust warnings, lost events, stale channels."
)
@click.option(
    "--sort",
    type=click.Choice(_SORTS),
    default="drift",
    show_default=True,
    help="The worst first, or by this.",
)
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
    product: str | None,
    channel: str | None,
    labels: dict[str, str],
    states: tuple[str, ...],
    offline: bool,
    drifting: bool,
    troubled: bool,
    sort: str,
    rows: int,
    every: bool,
    watch: bool,
    duration: timedelta | None,
    within: timedelta,
    own_key: KeyFile | None,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """List hosts by what they last said of themselves: presence, what they run, what they wait for.

    DRIFT says how a host stands to what its channel holds, and why it does not run that: waiting, held,
    failed, quarantined, unheard. Hosts with the worst come first. It reads what the broker retains and writes
    nothing. What hosts say is a claim, as good as the broker's ACL. With --signers, --key, or --identity
    and --issuer, what channels hold is verified, and nobody drifts from what does not verify.

    \b
    Examples:
      tidegate fleet --broker mqtts://broker.example
      tidegate fleet --product os --channel stable --label site=kiel --drifting
      tidegate fleet --state window --sort host --all
      tidegate fleet --json | jq -r 'select(.type == "host" and .drift == "failed") | .host'
      tidegate fleet --watch --drifting

    MQTT does not tell when all retained messages have come: the list ends when none came for 2 s, or after
    --within with a warning ("complete": false with --json). Refuses labels that are not KEY=VALUE, and --for
    without --watch.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if duration is not None and not watch:
        raise click.UsageError("--for says how long to --watch: give both, or neither")
    from tidegate_fleet.listing.choice import Choice, Sort  # noqa: PLC0415 -- with what stands behind it, 0.2 s
    from tidegate_fleet.listing.register import Register  # noqa: PLC0415 -- the same
    from tidegate_publisher.fleet_listing import Showing, list_fleet  # noqa: PLC0415 -- the same

    choice = Choice(
        labels=labels,
        product=product,
        channel=channel,
        states=frozenset(states),
        offline=offline,
        drifting=drifting,
        troubled=troubled,
        sort=Sort(sort),
    )
    watched = timedelta(0) if not watch else duration
    showing = Showing(
        output,
        most=None if every or output.as_json else rows,
        most_s=within.total_seconds(),
        watch_s=None if watched is None else watched.total_seconds(),
    )
    list_fleet(broker, trust.beside(own_key), Register(choice), showing)
