"""One genuine request, with what is known about it when it is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tidegate_agent.plaintext import one_line
from tidegate_agent.records import Spent
from tidegate_schemas.requests import HostRequest

REASON: Final = 200
"""Characters of a request's reason that are passed on."""


@dataclass(frozen=True, slots=True)
class Case:
    """A genuine request.

    Attributes:
        message: its name in the inbox.
        request: what it asks for.
        signer: who asks.
        clock_floor: a time that has surely passed; None where nothing tells.
        now: the latest moment that is known to have passed.
    """

    message: str
    request: HostRequest
    signer: str
    clock_floor: datetime | None
    now: datetime

    @property
    def why(self) -> str:
        """The signer's reason, for people: short enough for a status that speaks of many follows."""
        return one_line(self.request.predicate.reason[:REASON])

    @property
    def who(self) -> str:
        """Who asks, and why, as the reason for what a request ends."""
        return f"{self.signer} asked for it" + (f": {self.why}" if self.why else "")

    @property
    def spent(self) -> Spent:
        """Its nonce, used up."""
        return Spent(self.request.predicate.nonce, self.request.predicate.expires, self.now)
