"""What stands above a page: a question, a message, the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tidegate_fleet.watch.rows import PHASES

if TYPE_CHECKING:
    from textual.app import ComposeResult

HELP: Final = "\n".join(
    [
        "arrows, page up, page down, home, end   move",
        "enter, right, click    look into a wave, a phase, a failure, a host",
        "escape, left           back",
        "tab                    to the newest events and their hosts",
        "/                      search hosts by name",
        "p, w                   in a list: the next phase, the next wave",
        "h                      hold the release: no host begins any more",
        "r                      resume it",
        "q, ctrl+c              quit",
        "",
        "A bar's signs: " + ", ".join(f"{sign} {phase.value}" for phase, sign, _ in PHASES[:4]) + ",",
        "               " + ", ".join(f"{sign} {phase.value}" for phase, sign, _ in PHASES[4:]) + ".",
        "Times are UTC, by this machine's clock unless it says otherwise.",
        "What hosts say is a claim; with --device-keys only signed events count.",
        "Silent: began to activate, then nothing for --silent-after.",
    ]
)


class Dialog(ModalScreen[bool]):
    """A text in the middle, over the page. It answers a question with yes only for the letter y.

    Args:
        heading: one line.
        text: what it is about. Nothing in it is markup.
        asks: whether it is a question.
    """

    BINDINGS: ClassVar = [
        Binding("y", "answer(True)", "yes", show=False),
        Binding("n,escape,q", "answer(False)", "no", show=False),
        Binding("enter,question_mark,left", "read", "close", show=False),
    ]

    def __init__(self, heading: str, text: str, *, asks: bool = False) -> None:
        super().__init__()
        self.heading = heading
        self.text = text
        self.asks = asks

    def compose(self) -> ComposeResult:
        """See textual."""
        with VerticalScroll(id="dialog"):
            yield Static(self.heading, id="heading", markup=False)
            yield Static(self.text, markup=False)
            keys = "y: yes   n, escape: no" if self.asks else "escape: close"
            yield Static(keys, id="answers", markup=False)

    def action_answer(self, yes: bool) -> None:  # noqa: FBT001 -- textual's actions take their values so
        """Answer a question; a message is closed by escape alone, and by what closes a page."""
        if self.asks or not yes:
            self.dismiss(yes)

    def action_read(self) -> None:
        """Close a message; a question wants an answer."""
        if not self.asks:
            self.dismiss(False)  # noqa: FBT003 -- textual's way to hand back an answer
