"""`tidegate dev fleet`."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher.devstack.simulator.crew import Crew, processes_for
from tidegate_publisher.devstack.simulator.fleet import Plan
from tidegate_publisher.devstack.simulator.line import Line
from tidegate_publisher.devstack.simulator.profile import PREFIX_PATTERN, QUARTERS, Behaviour, Installed, Kind
from tidegate_publisher.devstack.simulator.shares import Share, parse_share
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.key import KeyFile, own_key_options
from tidegate_publisher.options.share import share_option
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.target import Target, read_target
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_schemas.base import DIGEST_PATTERN
from tidegate_wire.mqtt.messages import Version
from tidegate_wire.mqtt.session import PublisherSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from tidegate_publisher.devstack.simulator.figures import Figures
    from tidegate_publisher.output import Output

OLD_VERSION: Final = "1.0"
_TELL_S: Final = 1.0
_NAMES: Final = frozenset(one.value for one in Behaviour)


def image_of(version: str) -> str:
    """A digest that stands for this version of an image that nobody has to have."""
    return f"sha256:{hashlib.sha256(f'simulated image {version}'.encode()).hexdigest()}"


def _share(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Share, ...]:
    del ctx, param
    return tuple(parse_share(value, _NAMES) for value in values)


def _digest(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    if value is not None and not re.match(DIGEST_PATTERN, value):
        raise click.BadParameter("is no digest: sha256: and 64 hex digits", ctx, param)
    return value or image_of(OLD_VERSION)


def _prefix(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not re.match(PREFIX_PATTERN, value):
        raise click.BadParameter("cannot begin a host id", ctx, param)
    return value


@click.command("fleet", short_help="Simulate a fleet: thousands of protocol-true hosts in a few processes.")
@click.argument("target", metavar="PRODUCT/CHANNEL", callback=read_target)
@click.option("--hosts", type=click.IntRange(1, 999_999), default=1000, show_default=True, help="How many.")
@click.option("--processes", type=click.IntRange(1, 64), help="In how many processes.  [default: by cores]")
@click.option("--speed", type=click.FloatRange(0.01, 1000), default=1.0, show_default=True,
              help="How much faster than life they stage, boot and prove.")  # fmt: skip
@click.option("--failures", callback=share_option, default="0%", metavar="SHARE",
              help="Share of hosts whose health checks fail: 3% or 0.03.")  # fmt: skip
@click.option("--behave", "shares", multiple=True, callback=_share, metavar="NAME=SHARE[@VERSION]",
              help=f"Share of hosts with a fault, perhaps in one version alone: {', '.join(sorted(_NAMES))}.",
              )  # fmt: skip
@click.option("--running", "digest", callback=_digest, metavar="DIGEST", help="What they run at first.")
@click.option("--reboots", callback=share_option, default="100%", show_default=True, metavar="SHARE",
              help="Share of hosts that activate by a reboot.")  # fmt: skip
@click.option("--progress/--no-progress", default=True, help="Tell staging at each quarter, as agents do.")
@click.option("--seed", default="tidegate", show_default=True, help="Of all that is drawn.")
@click.option("--host-prefix", default="sim", show_default=True, callback=_prefix,
              help="What host ids begin with.")  # fmt: skip
@click.option("--unverified", is_flag=True, help="Believe every message: to measure all but signatures.")
@click.option("--subscribe-qos", type=click.IntRange(0, 1), default=1, show_default=True,
              help="0 spares a NATS cluster a replicated consumer for each host.")  # fmt: skip
@click.option("--ask-again", type=click.FloatRange(1), default=6 * 3600.0, metavar="S",
              help="Ask for the retained statement so often, in seconds.  [default: 6 h]")  # fmt: skip
@click.option("--keepalive", type=click.IntRange(5, 3600), default=60, show_default=True, metavar="S",
              help="The longest silence on a connection.")  # fmt: skip
@click.option("--reconnect-first", type=click.FloatRange(0.1, 3600), default=1.0, show_default=True,
              metavar="S", help="The longest first pause after a loss.")  # fmt: skip
@click.option("--connect-rate", type=click.FloatRange(1), default=500.0, show_default=True,
              help="How many connect in a second at first.")  # fmt: skip
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path),
              help="Write each event's id when it is created and when it is acknowledged.")  # fmt: skip
@click.option("--for", "duration", callback=read_duration, metavar="DURATION",
              help="End after so long.  [default: at Ctrl-C]")  # fmt: skip
@own_key_options
@trust_options
@broker_options
@output_options
def fleet_command(  # noqa: PLR0913 -- a bench has many knobs; each is an option of the command line
    *,
    target: Target,
    hosts: int,
    processes: int | None,
    speed: float,
    failures: float,
    shares: tuple[Share, ...],
    digest: str,
    reboots: float,
    progress: bool,
    seed: str,
    host_prefix: str,
    unverified: bool,
    subscribe_qos: int,
    ask_again: float,
    keepalive: int,
    reconnect_first: float,
    connect_rate: float,
    ledger: Path | None,
    duration: timedelta | None,
    own_key: KeyFile | None,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Simulate a fleet on a real broker: thousands of protocol-true hosts in a few processes.

    Each host has a connection of its own, with a last will, a retained status and a persistent session; it
    verifies statements, finds its wave, waits, stages, reboots and proves as an agent does, tells the same
    events, keeps them until they are acknowledged, and comes back with the agent's pauses. Nothing is
    installed anywhere. See docs/simulator.md for what differs.

    \b
    Examples:
      tidegate dev fleet os/stable --hosts 5000 --broker mqtt://127.0.0.1 --signers signers.toml --speed 20
      tidegate dev fleet os/stable --unverified --behave fails-health=3%@2.0 --behave flaps=1%

    Prints figures each second (with --json one document a line) until Ctrl-C or the end of --for.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    trust = trust.beside(own_key)
    if not unverified and trust.policy() is None:
        text = "say whom the hosts trust: --signers, --key, or --identity and --issuer; or --unverified"
        raise click.UsageError(text)
    settings = broker.settings.model_copy(
        update={"keepalive_s": keepalive, "reconnect_first_s": reconnect_first}
    )
    with PublisherSession(settings) as session:
        version = Version(session.protocol)
    quarters = QUARTERS if progress else ()
    kind = Kind(
        Installed(digest, OLD_VERSION),
        (*shares, Share(Behaviour.FAILS_HEALTH, failures)),
        speed,
        seed,
        reboots,
        quarters,
        host_prefix,
    )
    line = Line(settings.each, version, subscribe_qos, ask_again, speed)
    plan = Plan(kind, range(hosts), target, line, connect_rate, ledger)
    crew = Crew(plan, processes or processes_for(hosts), None if unverified else trust)
    with _until_told() as wait, crew:
        _report(crew, wait, duration, output)
    _say(crew.last(), output)


def _report(crew: Crew, wait: Callable[[float], bool], duration: timedelta | None, output: Output) -> None:
    """Say how it goes, each second, until it is over."""
    began = time.monotonic()
    while not wait(_TELL_S):
        _say(crew.figures(), output)
        if duration is not None and time.monotonic() - began >= duration.total_seconds():
            return


def _say(figures: Figures, output: Output) -> None:
    if output.as_json:
        click.echo(json.dumps(figures.document()))
        return
    click.echo(
        f"{figures.connected}/{figures.hosts} connected, {figures.losses} lost;"
        f" events {figures.acknowledged}/{figures.created} acknowledged; statuses {figures.statuses};"
        f" {figures.rss_bytes >> 20} MiB, {figures.cpu_s:.0f} s of processor"
    )


@contextlib.contextmanager
def _until_told() -> Iterator[Callable[[float], bool]]:
    """A wait of so many seconds that SIGINT and SIGTERM end; True when they did."""
    told = threading.Event()
    kept = {
        number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told.wait
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
