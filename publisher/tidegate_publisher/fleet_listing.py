"""What `tidegate fleet` joins: the broker that is listened to, who reads statements, where it is shown."""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING, Final

from tidegate_fleet.announced import Announced
from tidegate_fleet.listing.documents import row_document
from tidegate_fleet.listing.gathering import Gathering, Source
from tidegate_fleet.listing.live import LiveListing
from tidegate_fleet.listing.table import change
from tidegate_publisher import wiring
from tidegate_publisher.fleet_showing import Showing, show, tell_notes
from tidegate_publisher.watching import claimed, verified_reader
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.failures import BusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.listing.register import Register
    from tidegate_fleet.listing.rows import Row
    from tidegate_publisher.options.broker import Broker
    from tidegate_publisher.options.trust import Trust

_TICK_S: Final = 0.5
_REPAINT_S: Final = 1.0
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 15.0


def list_fleet(broker: Broker, trust: Trust, register: Register, showing: Showing) -> None:
    """List a fleet, and go on if that was asked for.

    Raises:
        TidegateError: CONFIG_*, TRUST_*, BUS_*.
    """
    reader, output = statement_reader(trust), showing.output
    with broker.open(output) as session:
        source = Source(session, broker.settings.topics, reader, wiring.clock.now)
        gathering = Gathering(source, register)
        gathering.begin()
        with output.phase("reading what the broker has in store"):
            complete = gathering.stored(showing.most_s)
        tell_notes(register, gathering, showing, complete=complete)
        if showing.watch_s == 0:
            show(register, showing, complete=complete)
        elif output.as_json or not sys.stdout.isatty():
            show(register, showing, complete=complete)
            _tell(gathering, showing)
        else:
            _fill_the_screen(gathering, register, showing)


def statement_reader(trust: Trust) -> Callable[[Channel, bytes], Announced]:
    """Reads what channels hold: verified, where anything says against what; else at its word.

    Raises:
        TidegateError: the policy or the root cannot be read.
    """
    return verified_reader(trust) or _claimed


def _claimed(channel: Channel, message: bytes) -> Announced:
    seen = claimed(message)
    said = None if seen.statement is None else seen.statement.predicate
    if said is not None and (said.product, said.channel) != channel:
        return Announced(None, signers=seen.signers)
    return Announced(seen.statement, signers=seen.signers, fault=seen.fault)


def _tell(gathering: Gathering, showing: Showing) -> None:
    """Only what changed, a line for each."""
    output = showing.output
    for row in _news(gathering, showing):
        if row is not None:
            output.text(change(row, wiring.clock.now()), row_document(row))


def _fill_the_screen(gathering: Gathering, register: Register, showing: Showing) -> None:
    with LiveListing(register, most=showing.most) as live:
        painted = 0.0
        for _ in _news(gathering, showing, lambda words: live.paint(wiring.clock.now(), words)):
            if time.monotonic() - painted >= _REPAINT_S:
                live.paint(wiring.clock.now())
                painted = time.monotonic()


def _news(
    gathering: Gathering, showing: Showing, lost: Callable[[str], None] | None = None
) -> Iterator[Row | None]:
    """Rows that changed, and None now and then. A connection that is lost is made anew."""
    tell = lost or showing.output.warn
    deadline = None if showing.watch_s is None else time.monotonic() + showing.watch_s
    backoff = Backoff(random.random, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
    stood: float | None = time.monotonic()
    while deadline is None or time.monotonic() < deadline:
        try:
            if stood is None:
                gathering.begin()
                stood = time.monotonic()
            yield from gathering.news(_TICK_S)
        except BusError as error:
            tell(f"{error.reason}; trying again")
            time.sleep(backoff.failed(0 if stood is None else time.monotonic() - stood))
            stood = None
        yield None
