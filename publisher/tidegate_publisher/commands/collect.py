"""`tidegate collect`."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import click

from tidegate_publisher.extras import needs
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.device_keys import DeviceKeys, device_key_options
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.outward import Outward, outward_options
from tidegate_publisher.options.page import Page, page_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.store import store_option
from tidegate_publisher.options.trust import Trust, trust_options

if TYPE_CHECKING:
    from datetime import timedelta

    from tidegate_publisher.output import Output


@click.command(short_help="Collect what a fleet says into a database.")
@store_option
@click.option(
    "--name",
    default=lambda: socket.gethostname().partition(".")[0],
    metavar="NAME",
    help="This collector's own name, the same after a restart.  [default: the machine's]",
)
@click.option(
    "--share", metavar="GROUP", help="Share the events with the other collectors of this group (MQTT 5)."
)
@click.option(
    "--keep-events",
    callback=read_duration,
    metavar="DURATION",
    help="Forget events after this time, never what they led to: 90d.  [default: never]",
)
@click.option(
    "--forget-hosts",
    callback=read_duration,
    metavar="DURATION",
    help="Forget hosts that are gone, and said nothing for this time: 365d.  [default: never]",
)
@click.option(
    "--most-hosts",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Hosts remembered: whoever may write to the broker could invent them for ever.",
)
@click.option(
    "--until-idle",
    callback=read_duration,
    metavar="DURATION",
    help="End when nothing came for this time.  [default: never]",
)
@page_options
@outward_options
@device_key_options
@trust_options
@broker_options
@output_options
def collect(
    *,
    store: str,
    name: str,
    share: str | None,
    keep_events: timedelta | None,
    forget_hosts: timedelta | None,
    most_hosts: int,
    until_idle: timedelta | None,
    page: Page,
    outward: Outward,
    device_keys: DeviceKeys,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Collect what a fleet says into a database: events, statuses, and the statements of its channels.

    A message is acknowledged to the broker when it is in the database, and an event is kept once however
    often it comes: the collector may be stopped or killed at any moment. While it is away, the broker keeps
    what is for it.

    Several collectors with one --share group and names of their own share the load. The broker has to speak
    MQTT 5 for that; without --share each of several takes all, and the database still keeps each event once.

    With --device-keys only events count that their host signed; with --signers, or --identity and --issuer,
    only statements that verify. With --webhook or --otlp-endpoint results are brought there out of the
    database, each at least once, over restarts: docs/monitoring.md. A password for PostgreSQL belongs into
    ~/.pgpass or PGPASSFILE.

    With --listen it serves what `tidegate page` does, and its own metrics at /metrics. Say who may read it:
    --no-login on 127.0.0.1 is a page on this machine.

    \b
    Examples:
      tidegate collect --broker mqtts://broker.example
      tidegate collect --broker mqtts://broker.example --name b --share fleet \\
        --store 'postgresql+psycopg://tidegate@db.example/fleet?sslmode=verify-full' --keep-events 90d
      tidegate collect --broker mqtts://broker.example --listen 127.0.0.1:8080 --no-login
      tidegate collect --until-idle 5s --json --store sqlite:///fleet.db

    SIGTERM ends it in order, with exit code 0.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    with needs("fleet"):
        from tidegate_fleet.collector.settings import CollectorSettings  # noqa: PLC0415 -- an extra
        from tidegate_publisher.collecting import Sources, run  # noqa: PLC0415 -- the same
    settings = CollectorSettings(
        name=name,
        share=share,
        most_hosts=most_hosts,
        keep_events=keep_events,
        forget_hosts=forget_hosts,
        idle_s=None if until_idle is None else until_idle.total_seconds(),
    )
    sources = Sources(store, device_keys.check(), trust, outward.settings)
    tally = run(broker.settings, settings, sources, page, output)
    output.result([(name, str(value)) for name, value in tally.document.items()], tally.document)
