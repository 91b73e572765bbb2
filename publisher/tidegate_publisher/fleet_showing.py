"""How `tidegate fleet` is shown: the sums, the rows or the labels, in words or as documents."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from tidegate_fleet.listing.documents import (
    channel_document,
    fleet_document,
    label_document,
    row_document,
)
from tidegate_fleet.listing.table import label_counts, label_table, table
from tidegate_fleet.listing.text import header
from tidegate_fleet.phrases import count, hosts
from tidegate_publisher import wiring
from tidegate_publisher.output import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_fleet.listing.gathering import Gathering
    from tidegate_fleet.listing.register import Register

_UNVERIFIED: Final = (
    "what channels hold was NOT VERIFIED: give --signers, --key, or --identity and --issuer; what hosts say "
    "is their claim"
)


@dataclass(frozen=True, slots=True)
class Showing:
    """How it is shown.

    Attributes:
        output: where.
        most: rows; None is all.
        most_s: how long what the broker has in store may take to come, in seconds.
        watch_s: how long news are waited for after that, in seconds; None for ever; 0 not at all.
        by_label: the labels of the hosts in place of the rows.
    """

    output: Output
    most: int | None
    most_s: float
    watch_s: float | None
    by_label: bool = False


def tell_notes(register: Register, gathering: Gathering, showing: Showing, *, complete: bool) -> None:
    """What a person should know before they read the list."""
    output = showing.output
    if not complete:
        output.warn(f"the list is not complete: after {showing.most_s:g} s the broker still sent what it has")
    if register.passed_over:
        output.warn(
            f"{count(register.passed_over)} words of hosts and channels beyond the cap were passed over"
        )
    for words in _unknown(register):
        output.warn(words)
    if not all(announced.verified for announced in register.announced.values()):
        output.note(_UNVERIFIED)
    if gathering.passed_over:
        output.note(f"passed over, since no word of a host: {count(gathering.passed_over)}")


def _unknown(register: Register) -> Iterator[str]:
    """What is asked for by name and does not exist: such a list is empty without being good news."""
    for host in sorted(register.choice.hosts):
        if not register.knows(host):
            yield f"no host {host} is known: none has ever said anything to this broker"
    statements = [one.statement for one in register.announced.values() if one.statement is not None]
    waves = {wave.name: None for one in statements for wave in one.predicate.rollout.waves}
    for wave in sorted(register.choice.waves - waves.keys()):
        there = f"there are: {', '.join(waves)}" if waves else "what is announced has no waves"
        yield f"nothing that is announced has a wave {wave}; {there}"


def show(register: Register, showing: Showing, *, complete: bool) -> None:
    """Show it once."""
    now, output = wiring.clock.now(), showing.output
    if output.as_json:
        _show_documents(register, showing, complete=complete)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in header(register, now):
        click.echo(line)
    if showing.by_label:
        for line in ("", *label_table(label_counts(register.rows()))):
            click.echo(line)
        return
    rows = register.rows(showing.most)
    for line in ("", *table(rows, now, width)) if rows else ():
        click.echo(line)
    if len(rows) < len(register):
        output.note(f"{count(len(rows))} of {hosts(len(register))}' rows are shown: --all shows every one")


def _show_documents(register: Register, showing: Showing, *, complete: bool) -> None:
    output = showing.output
    output.line(fleet_document(register, wiring.clock.now(), complete=complete))
    for channel in sorted(register.tally.channels):
        output.line(channel_document(register, channel))
    if showing.by_label:
        for label in label_counts(register.rows()):
            output.line(label_document(*label))
        return
    for row in register.rows(showing.most):
        output.line(row_document(row))
