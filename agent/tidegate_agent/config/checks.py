"""How a new image has to prove that it works."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from tidegate_agent.config.scalars import Argv, Duration, File, Pause, TcpPort, Unit, UnitPattern, refused
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code

KINDS: Final = ("command", "url", "tcp", "units", "failed_units", "boot_complete", "greenboot", "free")
"""What a check can ask; each asks one of them."""


class FreeSettings(Table):
    """Space that has to be left on a file system, for whoever is not root: bytes or percent.

    Attributes:
        path: a file or directory on that file system.
        bytes: how much has to be free, in bytes.
        percent: how much of it has to be free, in percent.
    """

    path: File
    bytes: Annotated[int, Field(ge=1)] | None = None
    percent: Annotated[int, Field(ge=1, le=99)] | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.bytes is None) == (self.percent is None):
            raise refused(Code.CONFIG_VALUE, "expected either bytes or percent")
        return self


class CheckSettings(Table):
    """One health check. It asks one thing: of name, required and timeout apart, only one kind may be set.

    Attributes:
        name: how it is called in events.
        command: a program and its arguments; healthy when it exits with 0.
        url: http:// or https://, asked with GET; redirects are not followed.
        status: the HTTP status that means healthy.
        tcp: "host:port"; healthy when a connection is accepted.
        units: units of systemd, all of which have to be active; those that are being started are waited for.
        failed_units: whether to ask that no unit of systemd has failed.
        ignore: units that may have failed all the same; "*" stands for any text.
        boot_complete: whether to ask that boot-complete.target is active (systemd.special(7)).
        greenboot: whether to run greenboot's scripts in /usr/lib/greenboot/check and /etc/greenboot/check, in
            the order of their names; those in wanted.d are not required.
        required: whether its failure sends the host back to the previous image.
        timeout: how long it may take; for greenboot, how long each script may.
        free: space that has to be left.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    command: Annotated[Argv | None, Field(min_length=1)] = None
    url: Annotated[str, Field(max_length=2048)] | None = None
    status: int = Field(default=200, ge=100, le=599)
    tcp: TcpPort | None = None
    units: Annotated[tuple[Unit, ...], Field(strict=False, max_length=64)] = ()
    failed_units: bool = False
    ignore: Annotated[tuple[UnitPattern, ...], Field(strict=False, max_length=64)] = ()
    boot_complete: bool = False
    greenboot: bool = False
    required: bool = True
    timeout: Duration = timedelta(seconds=10)
    free: FreeSettings | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        # An empty array, or false, asks nothing.
        if sum(bool(getattr(self, kind)) for kind in KINDS) != 1:
            raise refused(
                Code.CONFIG_VALUE, f"expected one of {', '.join(KINDS[:-1])} or {KINDS[-1]}, and only one"
            )
        if self.url is not None and not _is_http(self.url):
            raise refused(Code.CONFIG_VALUE, "expected a url such as http://localhost:8080/healthz")
        if self.ignore and not self.failed_units:
            raise refused(Code.CONFIG_VALUE, "expected failed_units beside ignore")
        return self


class HealthSettings(Table):
    """When a new image counts as healthy. Without checks: an operating system when it is up, others at once.

    "Up" is: default.target is active, and greenboot's scripts pass where there are any.

    Attributes:
        timeout: how long after activation the host may take to become healthy; one round takes no longer.
        attempts: how many rounds of checks may fail before the host goes back.
        interval: the pause between two rounds.
        check: the checks of each round.
    """

    timeout: Duration = timedelta(minutes=10)
    attempts: int = Field(default=5, ge=1, le=1000)
    interval: Pause = timedelta(seconds=10)
    check: Annotated[tuple[CheckSettings, ...], Field(strict=False, max_length=64)] = ()

    def checks(self, *, reboots: bool) -> tuple[CheckSettings, ...]:
        """The checks of each round, for an engine that reboots the host or one that does not."""
        return self.check or (AFTER_A_REBOOT if reboots else ())


AFTER_A_REBOOT: Final = (
    CheckSettings(name="host is up", units=("default.target",), timeout=timedelta(minutes=5)),
    CheckSettings(name="greenboot", greenboot=True, timeout=timedelta(minutes=2)),
    CheckSettings(name="failed units", failed_units=True, required=False),
)
"""What is asked of a whole operating system when nobody says more.

That the agent runs says little: it is one of the things that are started. default.target is active only when
all that it requires is, and when nothing is left to be started. A failed unit is told and not held against
the image: there are hosts on which one always fails, and none of their images would ever be good.
"""


def _is_http(url: str) -> bool:
    """Whether a URL names an HTTP server, and nothing that would end up in logs."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    visible = url.isprintable() and " " not in url
    return parts.scheme in {"http", "https"} and named and parts.username is None and visible
