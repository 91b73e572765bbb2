"""FILE or --bus: a signed statement, from a file, stdin or the broker."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from tidegate_publisher.bundle_input import read_bundle
from tidegate_publisher.options.target import Target, read_target
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.options.broker import Broker
    from tidegate_publisher.output import Output


def message_options(text: str) -> Callable[[Any], Any]:
    """The argument `file` and the option `bus`; `text` says what happens to what the broker holds."""

    def decorate(function: Any) -> Any:  # noqa: ANN401 -- click's decorators change what they decorate
        bus = click.option("--bus", callback=read_target, metavar="PRODUCT/CHANNEL", help=text)
        file = click.argument("file", type=click.File("rb"), required=False, metavar="[FILE|-]")
        return file(bus(function))

    return decorate


def read_message(file: IO[bytes] | None, bus: Target | None, broker: Broker, output: Output) -> bytes:
    """The bytes of whichever was named.

    Raises:
        TidegateError: CONFIG_MISSING, BUS_*, ANNOUNCE_MISSING.
    """
    if (file is None) == (bus is None):
        raise click.UsageError("name a FILE, - for stdin, or --bus PRODUCT/CHANNEL: one of them")
    if file is not None:
        return read_bundle(file)
    assert bus is not None  # noqa: S101 -- for the type checker: exactly one of them is named
    name = f"{bus.product}/{bus.channel}"
    with broker.open(output) as session, output.phase(f"reading {name}"):
        message = session.read_retained(broker.settings.topics.channel(*bus))
    if message is None:
        raise TidegateError(Code.ANNOUNCE_MISSING, f"Nothing is announced on {name}")
    return message
