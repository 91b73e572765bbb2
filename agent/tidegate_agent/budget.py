"""What a budget for downloads says to one image. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tidegate_agent.amounts import about
from tidegate_agent.periods import Per
from tidegate_agent.update.states import Wait, WaitFor

_CALLED: Final = {Per.DAY: "day", Per.MONTH: "month", Per.WINDOW: "maintenance window"}


@dataclass(frozen=True, slots=True)
class Spending:
    """Where the budget stands, for one image.

    `used` and `budget` are bytes of the period that runs until `ends`; None where no end is in sight. `needs`
    is how many bytes the image still takes, as far as is known. `whole` is set where they have to come in one
    go, because who fetches them keeps no parts.
    """

    used: int
    budget: int
    per: Per
    ends: datetime | None
    needs: int = 0
    whole: bool = False


def out_of_budget(spending: Spending) -> Wait | None:
    """Why an image may not be fetched now; None when it may."""
    left, called = spending.budget - spending.used, _CALLED[spending.per]
    allowed, needed = about(spending.budget), about(spending.needs)
    if spending.whole and spending.needs > spending.budget:
        # No period will ever do: a person has to.
        text = (
            f"the image takes {needed} in one go, and a {called} allows {allowed}: raise download.budget, or"
            " let it pass once by tidegate-agent approve --now"
        )
        return Wait(WaitFor.BUDGET, text)
    if left > 0 and (spending.needs <= left or not spending.whole):
        return None
    text = f"the {allowed} that this {called} allows are used up"
    if left > 0:
        text = f"the image takes {needed} in one go, and of this {called}'s {allowed} {about(left)} are left"
    elif spending.needs > spending.budget:
        text += f"; the image still takes {needed}, which comes over more than one {called}"
    return Wait(WaitFor.BUDGET, text, spending.ends)
