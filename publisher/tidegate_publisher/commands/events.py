"""`tidegate events`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from tidegate_fleet.words import EventCheck, HostEvent, RefusedEvent, read_host_message
from tidegate_publisher.event_display import Refusals, show_event, show_status
from tidegate_publisher.exit_codes import ExitCode
from tidegate_publisher.following import Follower, Selection
from tidegate_publisher.leaving import left_by_ctrl_c
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.device_keys import DeviceKeys, device_key_options
from tidegate_publisher.options.digest import read_digest
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.output import Output
from tidegate_schemas.events import Step
from tidegate_schemas.status import FollowStatus, HostStatus
from tidegate_schemas.topics import check_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_schemas.topics import Topics


@click.command(short_help="Follow what hosts report.")
@click.option("--product", metavar="NAME", help="Only this product.")
@click.option("--channel", metavar="NAME", help="Only this channel.")
@click.option("--host", "names", multiple=True, metavar="ID", help="Only this host; repeat for several.")
@click.option(
    "--sequence",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only this statement of a channel or later ones, as `announce` printed it.",
)
@click.option(
    "--digest",
    callback=read_digest,
    metavar="DIGEST",
    help="Only this image: sha256:…, as `announce` printed it.",
)
@click.option(
    "--until",
    type=click.Choice([step.value for step in Step if step is not Step.UNKNOWN]),
    help="End when --hosts different hosts have come to this step, or beyond it.",
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
@device_key_options
@broker_options
@output_options
@click.pass_context
@left_by_ctrl_c()
def events(
    ctx: click.Context,
    *,
    product: str | None,
    channel: str | None,
    names: tuple[str, ...],
    sequence: int | None,
    digest: str | None,
    until: str | None,
    hosts: int,
    duration: timedelta | None,
    keep_going: bool,
    device_keys: DeviceKeys,
    broker: Broker,
    output: Output,
) -> None:
    """Follow what hosts report: one line for each step of an update, or JSON lines with --json.

    With --until the command ends when enough hosts have come that far: CI can wait for a rollout. With
    --sequence it waits for that rollout and no other, and counts hosts that were done before it began.

    Events are not retained: those of before this command started are not shown, and a redelivered one is
    shown once. What a host last said of itself is retained; with --until and --sequence hosts are counted by
    that too, now and later. --digest keeps them from being counted for the image before.

    With --device-keys an event counts only when its host signed it: what is unsigned, or signed by another
    key, is refused and told once for each host. Statuses are not signed and do not count then, so follow
    before you announce.

    \b
    Examples:
      tidegate events --broker mqtts://broker.example
      tidegate announce release.yaml --json > announced.json
      tidegate events --product os --channel stable --sequence "$(jq .sequence announced.json)" \\
        --digest "$(jq -r .digest announced.json)" --until succeeded --hosts 10 --for 2h
      tidegate events --host edge-1 --json | jq .data.step
      tidegate events --device-keys keys/ --product os --channel stable --sequence 7 --until succeeded

    Exit code 0 when --until was reached, 1 when a host failed, was rejected or rolled back before that,
    3 when --for ran out, 130 at Ctrl-C. Refuses host ids that cannot be, and --sequence without --product
    and --channel.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if sequence is not None and (product is None or channel is None):
        raise click.UsageError("--sequence counts within one channel: give --product and --channel too")
    selection = Selection(product, channel, frozenset(map(check_host, names)), sequence, digest)
    follower = Follower(selection, Step(until) if until else None, hosts)
    settings = _Settings(broker, output, duration, device_keys.check())
    for heard in _heard(settings, follower):
        if isinstance(heard, HostEvent):
            show_event(heard, output)
        if follower.done:
            return
        if follower.failed and not keep_going:
            ctx.exit(ExitCode.FAILED)
    if follower.until is not None:
        output.note(f"{len(follower.reached)} of {hosts} hosts came to {until} in time")
        ctx.exit(ExitCode.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class _Settings:
    broker: Broker
    output: Output
    duration: timedelta | None
    check: EventCheck | None


def _heard(settings: _Settings, follower: Follower) -> Iterator[HostEvent | FollowStatus]:
    """Everything that may have changed the count: it is looked at after each."""
    topics = settings.broker.settings.topics
    limit = None if settings.duration is None else settings.duration.total_seconds()
    deadline = None if limit is None else time.monotonic() + limit
    with settings.broker.open(settings.output) as session:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        signed = settings.check is not None
        stream = session.stream(_filters(follower, topics, signed=signed), left)
        _say_what_counts(follower, settings.output, signed=signed)
        refusals = Refusals(settings.output)
        for message in stream:
            heard = read_host_message(message, topics, settings.check)
            if isinstance(heard, HostStatus):
                for follow in follower.take_status(heard):
                    show_status(heard, follow, settings.output)
                    yield follow
            elif isinstance(heard, RefusedEvent):
                refusals.take(heard)
            elif heard is None:
                settings.output.note(f"something on {message.topic} is no word of a host and was passed over")
            elif follower.take(heard.event):
                yield heard
        if refusals.count:
            settings.output.note(f"{refusals.count} events did not count, for want of their host's signature")


def _filters(follower: Follower, topics: Topics, *, signed: bool) -> list[str]:
    hosts = sorted(follower.selection.hosts)
    filters = [topics.events(host) for host in hosts] or [topics.all_events]
    # A status is signed by nobody: who asks for signatures cannot be told by it.
    if not signed and follower.until is not None and follower.selection.sequence is not None:
        filters += [topics.status(host) for host in hosts] or [topics.all_status]
    return filters


def _say_what_counts(follower: Follower, output: Output, *, signed: bool) -> None:
    output.note("following; what happened before is not shown")
    if signed:
        output.note(
            "only signed events count: hosts that are done already do not, whatever their status says"
        )
        if follower.until is not None and follower.selection.sequence is None:
            output.warn(
                "without --sequence an old event that somebody sends once more counts: its signature holds"
            )
    elif follower.until is not None and follower.selection.sequence is None:
        output.note("without --sequence hosts that are done already do not count, but older releases do")
