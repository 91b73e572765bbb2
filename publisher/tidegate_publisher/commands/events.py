"""`tidegate events`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from tidegate_publisher.exit_codes import ExitCode
from tidegate_publisher.following import Follower, Selection
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.output import Output, printable
from tidegate_schemas import limits
from tidegate_schemas.base import rfc3339
from tidegate_schemas.events import Step, UpdateEvent, decode
from tidegate_schemas.topics import Topics, check_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_wire.mqtt.messages import Message


@click.command(short_help="Follow what hosts report.")
@click.option("--product", metavar="NAME", help="Only this product.")
@click.option("--channel", metavar="NAME", help="Only this channel.")
@click.option("--host", "names", multiple=True, metavar="ID", help="Only this host; repeat for several.")
@click.option(
    "--until",
    type=click.Choice([step.value for step in Step]),
    help="End when --hosts different hosts have reported this step.",
)
@click.option(
    "--hosts",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many hosts --until waits for.",
)
@click.option(
    "--for",
    "duration",
    callback=read_duration,
    metavar="DURATION",
    help="End after this time: 30m, 2h.  [default: never]",
)
@click.option("--keep-going", is_flag=True, help="With --until: do not end at the first host that fails.")
@broker_options
@output_options
@click.pass_context
def events(
    ctx: click.Context,
    *,
    product: str | None,
    channel: str | None,
    names: tuple[str, ...],
    until: str | None,
    hosts: int,
    duration: timedelta | None,
    keep_going: bool,
    broker: Broker,
    output: Output,
) -> None:
    """Follow what hosts report: one line for each step of an update, or JSON lines with --json.

    Events are not retained: what happened before this command started is not shown. A redelivered event is
    shown once. With --until the command ends when enough hosts have come that far: CI can wait for a rollout.

    \b
    Examples:
      tidegate events --broker mqtts://broker.example
      tidegate events --product os --until succeeded --hosts 10 --for 2h
      tidegate events --host edge-1 --json | jq .data.step

    Exit code 0 when --until was reached, 1 when a host failed, was rejected or rolled back before that,
    3 when --for ran out. Refuses host ids that cannot be.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    selection = Selection(product, channel, frozenset(map(check_host, names)))
    follower = Follower(selection, Step(until) if until else None, hosts)
    settings = _Settings(broker, output, duration)
    for event in _selected(settings, follower):
        _show(event, output)
        if follower.done:
            return
        if follower.failed and not keep_going:
            ctx.exit(ExitCode.FAILED)
    if follower.until is not None:
        output.note(f"{len(follower.reached)} of {hosts} hosts reported {until} in time")
        ctx.exit(ExitCode.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class _Settings:
    broker: Broker
    output: Output
    duration: timedelta | None


def _selected(settings: _Settings, follower: Follower) -> Iterator[UpdateEvent]:
    topics = settings.broker.settings.topics
    hosts = follower.selection.hosts
    filters = [topics.events(host) for host in sorted(hosts)] if hosts else [topics.all_events]
    limit = None if settings.duration is None else settings.duration.total_seconds()
    deadline = None if limit is None else time.monotonic() + limit
    with settings.broker.open(settings.output) as session:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        stream = session.stream(filters, left)
        settings.output.note("following; what happened before is not shown")
        for message in stream:
            event = read_event(message, topics)
            if event is None:
                settings.output.note(f"something on {message.topic} is no event and was passed over")
            elif follower.take(event):
                yield event


def read_event(message: Message, topics: Topics) -> UpdateEvent | None:
    """A message as event; None when it is none, or speaks for another host than its topic's."""
    place = topics.parse_host(message.topic)
    if place is None or len(message.payload) > limits.STATEMENT_BYTES:
        return None
    try:
        event = decode(message.payload, message.properties)
    except ValidationError:
        return None
    # The broker's ACL binds the topic to the host; what the payload says about its sender is a claim.
    return event if event.subject == place[0] else None


def _show(event: UpdateEvent, output: Output) -> None:
    if output.as_json:
        output.line(event.model_dump(mode="json", exclude_none=True))
        return
    data = event.data
    parts = [
        rfc3339(event.time),
        f"{event.subject:<20}",
        f"{data.product}/{data.channel}",
        f"#{data.sequence}" if data.sequence else "",
        f"{data.step.value}{f' {data.percent} %' if data.percent is not None else ''}",
        f"[{data.code.value}]" if data.code else "",
        data.reason,
    ]
    click.echo(printable("  ".join(part for part in parts if part)).replace("\n", " "))
