"""`tidegate request`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate_publisher import wiring
from tidegate_publisher.exit_codes import ExitCode, exit_code
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.device_keys import DeviceKeys, device_key_options
from tidegate_publisher.options.duration import read_duration
from tidegate_publisher.options.identity import identity_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.requesting import Reply, Wish, deliver
from tidegate_schemas import limits
from tidegate_schemas.base import DIGEST_PATTERN
from tidegate_schemas.requests import Action
from tidegate_schemas.topics import check_host, check_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from tidegate_publisher.options.identity import Identity
    from tidegate_publisher.output import Output

_DIGEST: Final = re.compile(DIGEST_PATTERN)
_GOOD: Final = frozenset({"sent", "done", "begun"})


@click.command(short_help="Ask single hosts to do something, signed.")
@click.argument("action", type=click.Choice([action.value for action in Action]))
@click.option(
    "--host",
    "names",
    multiple=True,
    required=True,
    metavar="ID",
    help="Whom; repeat for several, 64 at most.",
)
@click.option("--product", metavar="NAME", help="Only this product of the host, with --channel.")
@click.option(
    "--channel", metavar="NAME", help="Only this channel, with --product.  [default: all it follows]"
)
@click.option("--digest", metavar="DIGEST", help="For rollback: the image to return to, sha256:….")
@click.option(
    "--sequence",
    type=click.IntRange(1, limits.SEQUENCE),
    metavar="N",
    help="For reset: the highest sequence that is to count as accepted.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why: the host's status and events say it.")
@click.option(
    "--expires-in",
    callback=read_duration,
    default="1h",
    show_default=True,
    metavar="DURATION",
    help="How long a host may act on it; hosts allow a day, unless configured otherwise.",
)
@click.option(
    "--wait", callback=read_duration, metavar="DURATION", help="Wait for the answers: 60s.  [default: do not]"
)
@device_key_options
@identity_options
@trust_options
@broker_options
@output_options
@click.pass_context
def request(
    ctx: click.Context,
    *,
    action: str,
    names: tuple[str, ...],
    product: str | None,
    channel: str | None,
    digest: str | None,
    sequence: int | None,
    reason: str,
    expires_in: timedelta,
    wait: timedelta | None,
    device_keys: DeviceKeys,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Ask single hosts to do something: each gets a signed request that counts once, and for it alone.

    \b
    recheck    judge what its channels hold anew, and go on with what it waits for
    hold       begin no update until resume; what is past activation goes on
    resume     end a hold
    rollback   return to its previous image, which --digest has to name, and stay there
    inventory  publish its whole status anew
    reset      take --sequence for the highest that it has accepted of --product and --channel

    reset is for one case: a stolen signer has driven the sequence up, and hosts refuse what you announce
    (statement.rollback). Take that signer out of the hosts' policy FIRST, or he does it again. Then reset
    each host, with one and the same N: the newest sequence of your own, or any above it. Nothing up to N
    counts any more; announce from N+1 on. An update to what is above N ends, if it is not activated yet.

    Hosts take requests from those whom [requests] of their configuration names, and from nobody without it.
    What will be asked of whom is said before anything is signed. A host that is offline gets the request when
    it is back, if it has not expired by then. With --device-keys only signed answers count.

    \b
    Examples:
      tidegate request hold --host edge-1 --host edge-2 --reason "line is running" --wait 60s
      tidegate request rollback --host edge-1 --digest sha256:… --wait 60s
      tidegate request recheck --host edge-1 --product os --channel stable
      tidegate request reset --host edge-1 --host edge-2 --product os --channel stable --sequence 41

    Exit code 0 when every host did it (or without --wait, when every request was sent), 3 when an answer is
    missing, otherwise that of the first refusal. Refuses to send what does not verify after signing.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    target = _target(product, channel)
    _check_reset(action, target, sequence)
    image = _digest(action, digest)
    wish = Wish(Action(action), _hosts(names), target, image, reason, expires_in, sequence)
    check = device_keys.check()
    identity.check()
    sealed = wiring.request_desk(trust.to_sign(identity), identity, output).sign(wish)
    with broker.open(output) as session:
        replies = deliver(sealed, wiring.request_line(session, broker, check, output), output, wait)
    output.result([(reply.host, _text(reply)) for reply in replies], {"requests": _documents(wish, replies)})
    ctx.exit(_exit(replies))


def _hosts(names: Sequence[str]) -> tuple[str, ...]:
    hosts = tuple(dict.fromkeys(map(check_host, names)))
    if len(hosts) > limits.ITEMS:
        raise click.UsageError(f"--host: {len(hosts)} hosts are more than {limits.ITEMS} at once")
    return hosts


def _target(product: str | None, channel: str | None) -> tuple[str, str] | None:
    if product is None and channel is None:
        return None
    if product is None or channel is None:
        raise click.UsageError("--product and --channel name a channel together: give both or neither")
    return check_name("product", product), check_name("channel", channel)


def _check_reset(action: str, target: tuple[str, str] | None, sequence: int | None) -> None:
    if action != Action.RESET and sequence is not None:
        raise click.UsageError(f"--sequence is for reset; {action} is about none")
    if action == Action.RESET and (target is None or sequence is None):
        raise click.UsageError("reset needs --product, --channel and --sequence: it is about one channel")


def _digest(action: str, digest: str | None) -> str | None:
    if action == Action.ROLLBACK and digest is None:
        raise click.UsageError("rollback needs --digest: the previous image, as the host's status shows it")
    if action != Action.ROLLBACK and digest is not None:
        raise click.UsageError(f"--digest is for rollback; {action} is about no image")
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise click.UsageError(f"--digest: {digest[:80]!r} is not sha256: and 64 hexadecimal digits")
    return digest


def _text(reply: Reply) -> str:
    if reply.outcome == "unanswered":
        return "no answer: is it online, and does [requests] of its configuration name you?"
    code = f" [{reply.code}]" if reply.code else ""
    return f"{reply.outcome}{code}" + (f": {reply.text}" if reply.text else "")


def _documents(wish: Wish, replies: Sequence[Reply]) -> list[dict[str, Any]]:
    return [
        {
            "host": reply.host,
            "action": wish.action.value,
            "nonce": reply.nonce,
            "outcome": reply.outcome,
            "code": reply.code,
            "reason": reply.text,
        }
        for reply in replies
    ]


def _exit(replies: Sequence[Reply]) -> int:
    refused = next((reply for reply in replies if reply.outcome not in {*_GOOD, "unanswered"}), None)
    if refused is not None:
        return ExitCode.FAILED if refused.code is None else exit_code(refused.code)
    return ExitCode.TIMED_OUT if any(reply.outcome == "unanswered" for reply in replies) else ExitCode.OK
