"""The arithmetic to a million hosts as Markdown, and its place in docs/scale.md. Pure, but for writing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.report import number
from tests.bench.scale.extrapolation import Bill, Traffic, bill, traffic
from tests.bench.scale.given import GIB, Broker, Fleet, Store, Words
from tests.bench.scale.worlds import NODES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.bench.figure import Figure

BEGIN: Final = "<!-- begin: written by ./dev bench scale --into -->"
END: Final = "<!-- end: written by ./dev bench scale --into -->"
_KIB: Final = 1024
_MILLI: Final = 1000.0
_NEEDED: Final = {
    "host": "memory of the broker for a host [KiB]",
    "ping": "processor of the broker for a ping [ms]",
    "event": "processor of the broker for an event [ms]",
    "delivery": "processor of the broker for its delivery [ms]",
    "connections": "hosts come back [1/s]",
    "collector": "events into PostgreSQL, 1 collector [1/s]",
    "row": "database for an event [bytes]",
}
"""By its use below, the line of the grid that a figure stands in."""


def brokers(figures: Sequence[Figure]) -> list[tuple[Broker, Store]]:
    """What was measured of each broker of which enough was measured."""
    by_place = {(each.column, each.line): each.median for each in figures if each.values and each.column}
    found = []
    for name, nodes in NODES.items():
        told = {use: by_place.get((name, line)) for use, line in _NEEDED.items()}
        known = {use: value for use, value in told.items() if value is not None}
        if len(known) == len(_NEEDED):
            found.append((_broker(name, nodes, known), Store(known["collector"], known["row"])))
    return found


def arithmetic(figures: Sequence[Figure], words: Words, fleet: Fleet | None = None) -> str:
    """What a million hosts say and hear, and what each broker needs for that."""
    fleet = fleet or Fleet()
    said, measured = traffic(fleet, words), brokers(figures)
    lines = [
        "",
        f"### {fleet.hosts:,} hosts: what they say and hear, whatever the broker",
        "",
        _assumed(fleet),
    ]
    lines += ["", "| | how | |", "| :-- | :-- | --: |"]
    lines += [f"| {what} | {how} | {value} |" for what, how, value in _said(fleet, words, said)]
    if measured:
        lines += ["", f"### {fleet.hosts:,} hosts: what a broker and its collectors need", ""]
        lines += [f"| | how | {' | '.join(each.name for each, _ in measured)} |"]
        lines += [f"| :-- | :-- |{' --: |' * len(measured)}"]
        bills = [bill(fleet, words, *each) for each in measured]
        lines += [
            f"| {what} | {how} | {' | '.join(cell(each) for each in bills)} |"
            for what, how, cell in _needs(fleet)
        ]
    return "\n".join(lines) + "\n"


def replace_block(path: Path, text: str) -> None:
    """Put a text between the marks of a page.

    Raises:
        ValueError: the page has no such marks, or not in this order.
    """
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} lacks the lines {BEGIN!r} and {END!r}, in this order")
    path.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}", encoding="utf-8")


def _broker(name: str, nodes: int, told: dict[str, float]) -> Broker:
    return Broker(
        name,
        nodes,
        host_bytes=told["host"] * _KIB,
        ping_s=told["ping"] / _MILLI,
        event_s=told["event"] / _MILLI,
        delivery_s=told["delivery"] / _MILLI,
        connections_per_s=told["connections"],
    )


def _assumed(fleet: Fleet) -> str:
    spread, wave, back = fleet.statements_spread_s, fleet.wave_s / 3600, fleet.reconnect_s
    return (
        f"Assumed: keepalive {fleet.keepalive_s:.0f} s; {fleet.statements} statements for a release, and "
        f"each status that they bring about within {spread:.0f} s (`activate.splay` on the hosts); "
        f"the largest wave is {fleet.largest_wave:.0%} of the fleet and goes on for {wave:.0f} h; "
        f"{fleet.releases} releases in a month; all hosts back {back:.0f} s after all connections were "
        f"lost. One node: "
        f"{fleet.node_cores} processors, {fleet.node_bytes / GIB:.0f} GiB, at most {fleet.headroom:.0%} of "
        "it used."
    )


def _said(fleet: Fleet, words: Words, said: Traffic) -> list[tuple[str, str, str]]:
    update = (
        f"{words.events} events of {words.event_bytes:.0f} bytes, "
        f"{words.statuses} statuses of {words.status_bytes:.0f}"
    )
    return [
        ("connections", "hosts", f"{fleet.hosts:,}"),
        ("pings", "hosts / keepalive", _rate(said.pings_per_s)),
        ("events, largest wave", "hosts x wave x events / its time", _rate(said.events_per_s)),
        ("statuses, largest wave", "the same", _rate(said.statuses_per_s)),
        ("statuses after a statement", "hosts / spread", _rate(said.echo_per_s)),
        ("published at the worst moment", "the sum of these three", _rate(said.messages_per_s)),
        ("one update of one host, sent", update, size(said.update_bytes)),
        ("one release, sent", "hosts x (update + statements x status)", size(said.release_in_bytes)),
        (
            "one release, received",
            f"hosts x statements x {words.statement_bytes} bytes",
            size(said.release_out_bytes),
        ),
        ("a month, sent", "releases, and pings of 2 bytes", size(said.month_in_bytes)),
        ("a month, received: egress", "the same", size(said.month_out_bytes)),
        ("a month, to the collectors", "what hosts send, but for pings", size(said.collected_bytes)),
    ]


def _needs(fleet: Fleet) -> list[tuple[str, str, Callable[[Bill], str]]]:
    half = f"{fleet.headroom:.0%}"
    return [
        ("memory for connections", "hosts x memory for a host", lambda one: size(one.memory_bytes)),
        ("nodes by memory", f"that / {half} of a node", lambda one: f"{one.nodes_by_memory:,}"),
        (
            "processors at the worst moment",
            "pings, published, delivered x time for each",
            lambda one: number(one.cores),
        ),
        ("nodes by processors", f"that / {half} of a node", lambda one: f"{one.nodes_by_cores:,}"),
        (
            "nodes by a storm",
            f"hosts / its time / {half} of what a node took back",
            lambda one: f"{one.nodes_by_storm:,}",
        ),
        ("**nodes of the broker**", "the largest of the three", lambda one: f"**{one.nodes:,}**"),
        (
            "**collectors**",
            f"published / {half} of what one stored",
            lambda one: f"**{one.collectors:,}**",
        ),
        ("rows a second", "events, largest wave", lambda one: _rate(one.rows_per_s)),
        (
            "database, one release",
            "hosts x events x database for an event",
            lambda one: size(one.release_db_bytes),
        ),
        ("database, a month", "x releases", lambda one: f"{number(one.month_db_bytes / GIB)} GiB-months"),
    ]


def _rate(value: float) -> str:
    return f"{value:,.0f} /s"


def size(value: float) -> str:
    """Bytes for people, in binary units."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < _KIB:
            return f"{number(value)} {unit}"
        value /= _KIB
    return f"{number(value)} TiB"
