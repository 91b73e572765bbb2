"""What a host trusts, and where the trusted root comes from."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from tidegate_agent.config.scalars import NO_ROOT, Duration, File, RootPlace, refused
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from urllib.parse import SplitResult

ROOT_FOLDER: Final = "trust"
"""Below state.directory: what a refreshed root needs on disk."""

ROOT_NAME: Final = "trusted_root.json"


def _repository(url: str) -> str:
    parts = _split(url)
    if parts is None or " " in url or not url.isprintable():
        raise refused(Code.CONFIG_VALUE, "expected a URL such as https://tuf.example.org, with no more to it")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts)):
        raise refused(Code.CONFIG_VALUE, "expected https://, or http:// to this host itself")
    return url


def _split(url: str) -> SplitResult | None:
    """The parts of a URL that names a server, a path and nothing else."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    more = parts.query, parts.fragment, parts.username, parts.password
    return parts if named and not any(more) else None


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class TufSettings(Table):
    """A TUF repository that the trusted root is kept fresh from, in place of trust.root.

    Attributes:
        url: where the repository's metadata is; targets are looked for below it, in targets/.
        root: the repository's own first root.json, which was put on the host by other means.
        target: the name of the trusted root in the repository.
        refresh: how often it is asked.
        timeout: how long one refresh may take in all.
    """

    url: Annotated[str, Field(max_length=2048), AfterValidator(_repository)]
    root: File
    target: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] = ROOT_NAME
    refresh: Duration = timedelta(hours=6)
    timeout: Duration = timedelta(seconds=20)

    @property
    def warnings(self) -> Iterator[str]:
        """What works but should not stay so."""
        if urlsplit(self.url).scheme == "http":
            yield f"trust.tuf.url: {self.url} is not encrypted; use https:// for anything but tests."


class TrustSettings(Table):
    """What bounds the trust in a genuine statement.

    Attributes:
        root: the Sigstore trusted root, a trusted_root.json; "public-good" is the one of sigstore.dev, and
            "none" is for hosts that trust key pairs only.
        max_validity_days: the longest validity that a statement may claim, in days.
        max_jump: how far a sequence may leap beyond the highest one seen.
        clock_floor: this host's clock is never believed to be before this moment.
        warn_before: how long before the trusted root ends it is said.
    """

    root: RootPlace | None = None
    max_validity_days: int = Field(default=90, ge=1, le=3650)
    max_jump: int = Field(default=1_000_000, ge=1, le=2**53 - 1)
    clock_floor: AwareDatetime | None = None
    warn_before: Duration = timedelta(days=7)
    tuf: TufSettings | None = None

    @model_validator(mode="after")
    def _one_root(self) -> Self:
        if (self.root is None) == (self.tuf is None):
            raise refused(Code.CONFIG_VALUE, "expected either root or a table [trust.tuf]")
        return self

    def root_in(self, state: Path) -> Path | str | None:
        """Where the root in force is: a path, `public-good`, or None. `state` is the state directory."""
        if self.root == NO_ROOT:
            return None
        return state / ROOT_FOLDER / ROOT_NAME if self.root is None else self.root
