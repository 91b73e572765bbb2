"""What came of the demo: for a person a checklist and figures, for a machine a document."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tidegate_publisher.devstack.rollout_demo.board import Board
from tidegate_publisher.devstack.rollout_demo.checklist import TEXTS, Key
from tidegate_publisher.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Result:
    """The end of the demo.

    Attributes:
        seconds: how long it took.
        board: what was observed.
        restarts: how often a release job had to be started again.
    """

    seconds: float
    board: Board
    restarts: int

    @property
    def ok(self) -> bool:
        """Whether everything was observed."""
        return not self.board.missing

    @property
    def status(self) -> ExitCode:
        """The demo's exit code."""
        return ExitCode.OK if self.ok else ExitCode.FAILED

    @property
    def figures(self) -> dict[str, Any]:
        """What was counted."""
        sight, fleet = self.board.sight, self.board.sight.fleet
        return {
            "hosts": fleet.hosts,
            "seconds": round(self.seconds, 1),
            "events": sight.events,
            "eventsPerSecondAtMost": round(self.board.fastest),
            "statuses": fleet.statuses,
            "connections": fleet.connections,
            "connectionsLost": fleet.losses,
            "jobsStartedAgain": self.restarts,
            "simulatorBytes": fleet.rss_bytes,
            "simulatorCpuSeconds": fleet.cpu_s,
        }


def document(result: Result) -> dict[str, Any]:
    """For a machine. Times in seconds since the demo began."""
    account = result.board.sight.account
    return {
        "ok": result.ok,
        "checks": [
            {
                "key": key.value,
                "text": TEXTS[key],
                "observed": key not in result.board.missing,
                "at": None if line.at is None else round(line.at, 1),
                "note": line.note,
            }
            for key, line in result.board.steps.lines.items()
        ],
        "figures": result.figures,
        "account": None if account is None else asdict(account),
    }


def show(console: Console, result: Result) -> None:
    """For a person."""
    board = result.board
    for key, line in board.steps.lines.items():
        failed = key in board.missing
        mark, style = ("✗", "red") if failed else ("✓", "green")
        at = "" if line.at is None else f"{line.at:6.1f} s"
        text = Text(f" {mark} ", style=style).append(f"{at:>9}  ", style="dim")
        text.append(TEXTS[key], style="bold" if failed else "default")
        console.print(text.append(f"  {line.note or ('was not observed' if failed else '')}", style="yellow"))
    _show_figures(console, result)
    if result.ok:
        console.print(Text(f"\nEverything was observed, in {result.seconds:.0f} s.", style="bold green"))
    else:
        words = f"\n{len(board.missing)} of {len(Key)} were not observed, in {result.seconds:.0f} s."
        console.print(Text(words, style="bold red"))


def _show_figures(console: Console, result: Result) -> None:
    told, account = result.figures, result.board.sight.account
    console.print(
        f"\n{told['events']} events collected, {told['eventsPerSecondAtMost']} in the busiest second;"
        f" {told['statuses']} statuses; {told['connections']} connections, {told['connectionsLost']} lost"
    )
    if account is not None:
        console.print(
            f"created {account.created}, acknowledged {account.acknowledged}, collected {account.collected}"
            f" ({account.distinct} ids); missing {account.missing}, strange {account.strange}"
        )
