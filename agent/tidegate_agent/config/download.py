"""What fetching images may cost: bandwidth, metered networks, and an amount for each period."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from tidegate_agent.config.scalars import File, refused
from tidegate_agent.config.sizes import Rate, Size
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code


class DownloadSettings(Table):
    """What fetching images may cost: docs/downloads.md.

    Attributes:
        rate: how much all downloads together may bring in a second, at most; not for engines whose tools
            fetch by themselves: bootc, rpm-ostree and podman.
        rate_in_window: the same while a maintenance window is open; as rate when not set.
        metered: whether images are fetched over a network that is metered. "wait" stops a download that is
            under way, too, and goes on with it later.
        metered_file: the network counts as metered while this file is there; its first line says why. Beside
            that, NetworkManager is asked where it runs.
        budget: how much may be fetched in a period. When it is used up, downloads wait for the next one.
        budget_per: the period: a day or a month of the host's time zone, or from the beginning of one
            maintenance window to that of the next.
        override: urgencies that neither budget nor metered networks hold back; a passed deadline counts as
            one more, and so does "approve --now".
    """

    rate: Rate | None = None
    rate_in_window: Rate | None = None
    metered: Literal["allow", "wait"] = "allow"
    metered_file: File = Path("/run/tidegate/metered")
    budget: Size | None = None
    budget_per: Literal["day", "month", "window"] = "month"
    override: tuple[Literal["urgent", "emergency"], ...] = Field(default=("emergency",), strict=False)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.rate_in_window is not None and self.rate is None:
            raise refused(Code.CONFIG_VALUE, "expected a rate, too, for the time outside windows")
        return self
