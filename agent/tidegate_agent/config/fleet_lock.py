"""The fleet's lock: how many hosts may reboot at once is decided by a server that all of them ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from tidegate_agent.config.scalars import Duration, File, refused
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code


class FleetLockSettings(Table):
    """A FleetLock server that has to grant a slot, beside an open window, before the host reboots.

    Attributes:
        url: the server's base URL, https.
        group: the group of hosts that share slots.
        id: this host's name there; the host's own id when absent.
        for: which activations need a slot: those that reboot the host, or all.
        ca: a PEM file with the authorities that its certificate is checked against; the system's when absent.
        timeout: how long one answer of the server may take.
        allow_http: whether the url may be plain http, which anyone on the way can answer.
    """

    url: Annotated[str, Field(max_length=2048)]
    group: Annotated[str, Field(pattern=r"^[a-zA-Z0-9.-]{1,128}$")] = "default"
    id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    reach: Literal["reboots", "all"] = Field(default="reboots", alias="for")
    ca: File | None = None
    timeout: Duration = timedelta(seconds=20)
    allow_http: bool = False

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if not _is_base(self.url):
            raise refused(Code.CONFIG_VALUE, "expected a url such as https://fleet-lock.example.org")
        if not self.url.startswith("https://") and not self.allow_http:
            raise refused(
                Code.CONFIG_VALUE,
                "expected an https url: over plain http, which allow_http = true permits, anyone on the way "
                "can grant a slot",
            )
        return self


def _is_base(url: str) -> bool:
    """Whether a URL names an HTTP server and a path, and nothing that would end up in logs."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and not parts.query and not parts.fragment
    return parts.scheme in {"http", "https"} and named and parts.username is None and plain
