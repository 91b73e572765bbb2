"""What came of the demo: for a person a table of all events, for a machine a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from tidegate_publisher.devstack.demo.checklist import TEXTS, Key
from tidegate_publisher.devstack.demo.observation import EventHeard, Observation
from tidegate_publisher.devstack.demo.screen import step_style
from tidegate_publisher.devstack.demo.words import step_words, why_words
from tidegate_publisher.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Result:
    """The end of the demo.

    Attributes:
        seconds: how long it took.
        missing: what was not observed.
        seen: all that was heard.
    """

    seconds: float
    missing: Sequence[Key]
    seen: Sequence[Observation]

    @property
    def ok(self) -> bool:
        """Whether everything was observed."""
        return not self.missing

    @property
    def status(self) -> ExitCode:
        """The demo's exit code."""
        return ExitCode.OK if self.ok else ExitCode.FAILED

    @property
    def events(self) -> list[EventHeard]:
        """The events, in order."""
        return [one for one in self.seen if isinstance(one, EventHeard)]


def document(result: Result) -> dict[str, Any]:
    """For a machine. Times in seconds since the demo began."""
    return {
        "ok": result.ok,
        "seconds": round(result.seconds, 1),
        "checks": [
            {"key": key.value, "text": TEXTS[key], "observed": key not in result.missing} for key in Key
        ],
        "events": [
            {"at": round(one.at, 3), **one.event.model_dump(mode="json", exclude_none=True)}
            for one in result.events
        ],
    }


def show(console: Console, result: Result) -> None:
    """For a person."""
    console.print(_events(result.events))
    for key in Key:
        failed = key in result.missing
        mark, style = ("✗", "red") if failed else ("✓", "green")
        line = Text(f" {mark} ", style=style).append(TEXTS[key], style="bold" if failed else "default")
        console.print(line.append("  was not observed", style="red") if failed else line)
    took = f"{len(result.events)} events in {result.seconds:.0f} s"
    if result.ok:
        console.print(Text(f"\nEverything was observed: {took}.", style="bold green"))
    else:
        console.print(
            Text(f"\n{len(result.missing)} of {len(Key)} were not observed: {took}.", style="bold red")
        )


def _events(events: Sequence[EventHeard]) -> Table:
    table = Table(title="all events received from the broker", title_justify="left", box=None, pad_edge=False)
    table.add_column("s", justify="right", style="dim")
    table.add_column("event", no_wrap=True)
    table.add_column("took", justify="right", style="dim")
    table.add_column("why", overflow="fold")
    for heard in events:
        data = heard.event.data
        total = data.durations.get("total") if data.step.final else None
        table.add_row(
            f"{heard.at:.1f}",
            Text(step_words(data), style=step_style(data)),
            "" if total is None else f"{total:.1f} s",
            Text(why_words(data), style="dim"),
        )
    return table
