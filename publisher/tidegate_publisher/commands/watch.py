"""`tidegate watch`."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher import watching, wiring
from tidegate_publisher.exit_codes import ExitCode
from tidegate_publisher.leaving import left_by_ctrl_c
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.device_keys import DeviceKeys, device_key_options
from tidegate_publisher.options.digest import read_digest
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.target import Target, read_target
from tidegate_publisher.options.trust import Trust, trust_options

if TYPE_CHECKING:
    from datetime import timedelta

    from tidegate_fleet.watch.ending import Ending
    from tidegate_fleet.watch.inbox import Inbox
    from tidegate_fleet.watch.model import Watched
    from tidegate_publisher.output import Output

_LOOK_S: Final = 0.5
_EXTRA: Final = "the full-screen view needs textual: pip install 'tidegate[fleet]'; lines are shown instead"


@click.command(short_help="Watch a release spread, live.")
@click.argument("target", callback=read_target, metavar="PRODUCT/CHANNEL")
@click.option("--lines", is_flag=True, help="Lines of text, also on a terminal.")
@click.option(
    "--for",
    "duration",
    callback=read_duration,
    metavar="DURATION",
    help="End after this time: 30m, 2h.  [default: never]",
)
@click.option(
    "--until",
    type=click.Choice(["done"]),
    help="End when every host that is known, and that the release is meant for, is done with it.",
)
@click.option(
    "--sequence",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of this statement or a later one, as `announce` printed it: --until waits for it.",
)
@click.option(
    "--digest",
    callback=read_digest,
    metavar="DIGEST",
    help="Of this image, as `announce` printed it: --until waits for it.",
)
@click.option(
    "--silent-after",
    callback=read_duration,
    default="30m",
    show_default=True,
    metavar="DURATION",
    help="A host that activates and says nothing for so long is called silent.",
)
@device_key_options
@identity_options
@trust_options
@broker_options
@output_options
@click.pass_context
def watch(
    ctx: click.Context,
    *,
    target: Target,
    lines: bool,
    duration: timedelta | None,
    until: str | None,
    sequence: int | None,
    digest: str | None,
    silent_after: timedelta,
    device_keys: DeviceKeys,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Watch a release spread, live: waves, phases, speed, failures, silent hosts.

    On a terminal it fills the screen: arrows and enter go into a wave, a phase, a failure, down to one host;
    / searches, h holds the release and r lets it go on (after a question, and signed as by `tidegate hold`),
    ? explains all keys. Elsewhere, or with --lines, it prints a line when there is news; with --json each is
    a JSON document. It signs and publishes nothing but what you confirm.

    With --signers (or --identity and --issuer, or --key) the channel's statement is verified, and one that
    does not verify is told and not taken up. Without them it is taken at its word, and marked so. What hosts
    say is a claim; with --device-keys only events that their host signed count.

    \b
    Examples:
      tidegate watch os/stable --signers signers.toml --broker mqtts://broker.example
      tidegate watch os/stable --signers signers.toml --until done --sequence 7 --for 2h --lines
      tidegate watch os/stable --json | jq -c 'select(.type == "progress") | .phases'

    --until done looks at what the channel holds. Give --sequence (and --digest) of what you announced, or a
    release that was done before ends it at once. Where nothing is announced it says so and waits: --for
    bounds that.

    Exit code 0 when you leave, or when --for ran out and nothing else was asked for. With --until done: 0
    when all are done and none failed, 1 when one failed or the release was revoked or replaced, 3 when --for
    ran out before. Refuses channels that cannot be; it ends with 1 when the broker never answered, and comes
    back by itself when it is lost later.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    from tidegate_fleet.watch.ending import Goal  # noqa: PLC0415 -- with what stands behind it, 0.2 s
    from tidegate_fleet.watch.inbox import Inbox  # noqa: PLC0415 -- the same
    from tidegate_fleet.watch.listening import Listening  # noqa: PLC0415 -- the same
    from tidegate_fleet.watch.model import Watched  # noqa: PLC0415 -- the same

    settings = broker.settings
    for warning in settings.warnings:
        output.warn(warning)
    trust = trust.beside(identity.pair)
    check = device_keys.check()
    # A status is signed by nobody: who asks for signatures cannot be told by it how far a host is.
    goal = Goal(until is not None, sequence, digest)
    channel = target.product, target.channel
    watched = Watched(channel, silent_after, believe_status=check is None, goal=goal)
    inbox, reader = Inbox(), watching.statement_reader(trust, target)
    full = not lines and not output.as_json and _can_fill_the_screen(output)
    with left_by_ctrl_c(), Listening(settings, watched.channel, inbox, reader, check):
        if full:
            steering = watching.ChannelSteering(target, broker, trust, identity)
            status = _fill_the_screen(watched, inbox, steering, duration)
        else:
            status = _tell(watched, inbox, output, duration)
    ctx.exit(status)


def _can_fill_the_screen(output: Output) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
        return False
    if find_spec("textual") is None:
        output.note(_EXTRA)
        return False
    return True


def _tell(watched: Watched, inbox: Inbox, output: Output, duration: timedelta | None) -> int:
    from tidegate_fleet.watch.ending import ending  # noqa: PLC0415 -- as above
    from tidegate_fleet.watch.lines import Teller  # noqa: PLC0415 -- as above
    from tidegate_fleet.watch.remains import Remains  # noqa: PLC0415 -- as above

    deadline = None if duration is None else time.monotonic() + duration.total_seconds()
    teller, remains, how = Teller(), Remains(), None
    while how is None and (deadline is None or time.monotonic() < deadline):
        inbox.wait(_LOOK_S)
        for heard in inbox.take(5000):
            watched.take(heard, wiring.clock.now())
        remains.look(watched)
        if watched.fault is not None:
            raise watched.fault
        picture = watched.picture(wiring.clock.now())
        for line in teller.look(picture):
            output.text(line.text, line.document)
        how = ending(picture, watched.goal)
    for line in teller.end(watched.picture(wiring.clock.now()), how):
        output.text(line.text, line.document)
    return _status(how, ends=watched.goal.ends)


def _fill_the_screen(
    watched: Watched,
    inbox: Inbox,
    steering: watching.ChannelSteering,
    duration: timedelta | None,
) -> int:
    from tidegate_fleet.watch.screen.app import WatchApp  # noqa: PLC0415 -- textual, an extra

    app = WatchApp(watched, inbox, steering, wiring.clock.now, duration=duration)
    app.run()
    if app.fault is not None:
        raise app.fault
    if app.signal is not None:
        return 128 + app.signal
    return ExitCode.OK if app.left else _status(app.how, ends=watched.goal.ends)


def _status(how: Ending | None, *, ends: bool) -> int:
    if not ends or how == "done":
        return ExitCode.OK
    return ExitCode.TIMED_OUT if how is None else ExitCode.FAILED
