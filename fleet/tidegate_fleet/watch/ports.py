"""What the view needs of others: who reads statements, and who may sign."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tidegate_fleet.announced import Announced


class StatementReader(Protocol):
    """Reads what a channel holds. Called on the listening thread."""

    def __call__(self, message: bytes, /) -> Announced:
        """What it says, and whether to believe it. Never raises: a message that is no statement is told."""
        ...


class Action(StrEnum):
    """What can be done from the view."""

    HOLD = "hold"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a person should know before they say yes.

    Attributes:
        signer: in whose name will be signed, in words.
        needs_terminal: whether the person will be asked something, to sign in.
    """

    signer: str
    needs_terminal: bool = False


class Steering(Protocol):
    """Signs and publishes, in somebody's name. Called on worker threads."""

    def prepare(self) -> Preparation:
        """Find out whether there is somebody to sign as.

        Raises:
            TidegateError: there is not; the reason says what is missing, the remedy how to give it.
        """
        ...

    def steer(self, action: Action, sequence: int) -> str:
        """Do it, if the channel still stands at this sequence.

        Returns:
            What came of it, in a sentence.

        Raises:
            TidegateError: it was not done, or not seen to have been done.
        """
        ...
