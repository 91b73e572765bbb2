"""How a new image has to prove that it works."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from tidegate_agent.config.scalars import Argv, Duration, Pause, refused
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code


class CheckSettings(Table):
    """One health check: a command or a URL.

    Attributes:
        name: how it is called in events.
        command: a program and its arguments; healthy when it exits with 0.
        url: http:// or https://, asked with GET; redirects are not followed.
        status: the HTTP status that means healthy.
        required: whether its failure sends the host back to the previous image.
        timeout: how long it may take.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    command: Annotated[Argv | None, Field(min_length=1)] = None
    url: Annotated[str, Field(max_length=2048)] | None = None
    status: int = Field(default=200, ge=100, le=599)
    required: bool = True
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise refused(Code.CONFIG_VALUE, "expected either command or url")
        if self.url is not None and not _is_http(self.url):
            raise refused(Code.CONFIG_VALUE, "expected a url such as http://localhost:8080/healthz")
        return self


class HealthSettings(Table):
    """When a new image counts as healthy. Without any check it does as soon as it runs.

    Attributes:
        timeout: how long after activation the host may take to become healthy.
        attempts: how many rounds of checks may fail before the host goes back.
        interval: the pause between two rounds.
        check: the checks of each round.
    """

    timeout: Duration = timedelta(minutes=10)
    attempts: int = Field(default=5, ge=1, le=1000)
    interval: Pause = timedelta(seconds=10)
    check: Annotated[tuple[CheckSettings, ...], Field(strict=False, max_length=64)] = ()


def _is_http(url: str) -> bool:
    """Whether a URL names an HTTP server, and nothing that would end up in logs."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    visible = url.isprintable() and " " not in url
    return parts.scheme in {"http", "https"} and named and parts.username is None and visible
