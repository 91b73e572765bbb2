"""`tidegate rollout plan` and `status`: they sign nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from tidegate_fleet.hosts import Fleet
from tidegate_publisher import wiring
from tidegate_publisher.compose import compose
from tidegate_publisher.foundation import usable
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.device_keys import DeviceKeys, device_key_options
from tidegate_publisher.options.given import given_options
from tidegate_publisher.options.key import KeyFile, own_key_options
from tidegate_publisher.options.release import ReleaseInput, planned_release_options
from tidegate_publisher.options.run import allowed_hosts, hosts_file_option
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.target import Target, read_target
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.ports import ResolvedImage
from tidegate_publisher.rollout.hearing import Hearing
from tidegate_publisher.rollout.picture import Picture
from tidegate_publisher.rollout.plan import make_plan, with_waves
from tidegate_publisher.rollout.preview import preview
from tidegate_publisher.rollout.prompts import Prompts
from tidegate_publisher.rollout.standing import plan_of, status_document, status_rows
from tidegate_publisher.rollout.steps import closed
from tidegate_schemas import limits
from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tidegate_publisher.output import Output
    from tidegate_schemas.release import Release
    from tidegate_schemas.statement import ChannelStatement

_ANYWHERE = "registry.example/any"
_NOBODYS = "sha256:" + "0" * 64
"""They stand for the image: a plan asks no registry."""


@click.command(short_help="Show which known hosts fall in which wave; sign nothing.")
@planned_release_options
@click.option("--list-hosts", is_flag=True, help="Name the hosts of each wave.")
@hosts_file_option
@device_key_options
@own_key_options
@trust_options
@broker_options
@output_options
def plan(
    *,
    release: ReleaseInput,
    list_hosts: bool,
    hosts_file: Path | None,
    device_keys: DeviceKeys,
    own_key: KeyFile | None,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Show which known hosts fall in which wave; sign nothing.

    Hears what hosts say of themselves, and tells for each wave its hosts, what lets it pass and what stops
    it; for each budget its groups; when the rollout can be through at the earliest; and what may go wrong:
    waves without hosts, thresholds that cannot be met, hosts that are in no wave.

    Which hosts a fraction takes in depends on the seed. It is the release file's; else that of the channel,
    where it holds this version already; else it is drawn when the release is announced, and what is shown
    here is an example.

    \b
    Examples:
      tidegate rollout plan release.yaml --broker mqtts://broker.example
      tidegate rollout plan release.yaml --list-hosts --json | jq '.waves[0].hosts'

    Refuses release files that are wrong. Nothing is signed, and nothing is published.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if release.file is None and not release.overrides:
        raise click.UsageError("name a release file")
    wanted = with_waves(release.load({"image": f"{_ANYWHERE}:any"}))
    planned = make_plan(wanted, "plan", "plan")
    fleet = _heard(broker, (wanted.product, wanted.channel), device_keys, hosts_file, output)
    now = wiring.clock.now()
    seed, told = _seed(wanted, trust.beside(own_key), broker, output)
    output.note(told)
    statement = _example(wanted, now, seed)
    rollout = closed(planned, statement.predicate.rollout, now)
    predicate = statement.predicate.model_copy(update={"rollout": rollout})
    picture = Picture(planned, fleet, statement.model_copy(update={"predicate": predicate}), now)
    seen = preview(planned, picture.tally, now)
    for warning in seen.warnings:
        output.warn(warning)
    output.result(seen.rows(now, hosts=list_hosts), {"seed": seed, **seen.document(hosts=list_hosts)})


@click.command(short_help="Show where a channel's rollout stands.")
@click.argument("target", callback=read_target, metavar="PRODUCT/CHANNEL")
@hosts_file_option
@device_key_options
@own_key_options
@trust_options
@broker_options
@output_options
@click.pass_context
def status(
    ctx: click.Context,
    *,
    target: Target,
    hosts_file: Path | None,
    device_keys: DeviceKeys,
    own_key: KeyFile | None,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Show where a channel's rollout stands: who leads it, which waves are open, how far their hosts are.

    Prints the command that approves a wave where a run asks for it, and the one that lets a held release go
    on. Takes one look: it hears what is retained, and ends. `tidegate watch` stays.

    \b
    Examples:
      tidegate rollout status os/stable --signers signers.toml
      tidegate rollout status os/stable --key release.pub
      tidegate rollout status os/stable --json | jq '.waves[] | [.name, .succeeded, .known]'

    Refuses a channel whose statement does not verify.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    statement = _announced(target, trust.beside(own_key), broker, output)
    fleet = _heard(broker, target, device_keys, hosts_file, output)
    now = wiring.clock.now()
    picture = Picture(plan_of(statement), fleet, statement, now)
    view = picture.view(now, statement)
    prompts = Prompts("/".join(target), "", given_options(ctx))
    output.result(status_rows(view, statement, prompts), status_document(view, statement, prompts))


def _example(wanted: Release, now: datetime, seed: str) -> ChannelStatement:
    """What would be announced: later than whatever hosts have heard, and an image that none has."""
    undated = wanted.model_copy(update={"deadline": None})
    image = ResolvedImage(_ANYWHERE, _NOBODYS)
    return compose(undated, image, sequence=limits.SEQUENCE, floor=0, now=now, seed=seed)


def _heard(
    broker: Broker,
    channel: tuple[str, str],
    device_keys: DeviceKeys,
    hosts_file: Path | None,
    output: Output,
) -> Fleet:
    from tidegate_publisher.adapters.broker_ear import BrokerEar  # noqa: PLC0415 -- paho, only for who connects

    fleet = Fleet()
    allowed = allowed_hosts(hosts_file, device_keys)
    # What is retained is not signed: with device keys it names the hosts, and says nothing of the release.
    hearing = Hearing(fleet, broker.settings.topics, channel, device_keys.check(), allowed)
    with (
        output.phase("hearing what hosts say of themselves"),
        contextlib.closing(BrokerEar(broker.settings, hearing.filters)) as ear,
    ):
        ear.listen()
        hearing.settle(ear, wiring.clock)
    return fleet


def _announced(target: tuple[str, str], trust: Trust, broker: Broker, output: Output) -> ChannelStatement:
    with broker.open(output) as session:
        current = wiring.channel_desk(session, broker, trust, output).current(*target)
    return usable(current, "/".join(target)).statement


def _seed(release: Release, trust: Trust, broker: Broker, output: Output) -> tuple[str, str]:
    if release.rollout.seed is not None:
        return release.rollout.seed, "the seed is the release file's"
    drawn = "the seed is drawn when the release is announced: other hosts will be the first, about as many"
    try:
        statement = _announced((release.product, release.channel), trust, broker, output)
    except TidegateError:
        return wiring.new_seed(), drawn
    if statement.predicate.version != release.version:
        return wiring.new_seed(), drawn
    return statement.predicate.rollout.seed, "the seed is that of the release that the channel holds"
