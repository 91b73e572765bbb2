"""What may be asked, as parameters of addresses; the page's forms use the same."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tidegate_fleet.history import PAGE, HostQuery, ReleaseKey
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_fleet.web.problems import PageError
from tidegate_schemas.base import DIGEST_PATTERN, HOST_PATTERN, NAME_PATTERN
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from datetime import datetime

WITHOUT_WAVE: Final = "-"
"""Stands for hosts that are in no wave: no wave can have this name."""

_NAME: Final = NAME_PATTERN.strip("^$")
_DIGEST: Final = DIGEST_PATTERN.strip("^$")
_LABELS: Final = 8
_LONGEST: Final = timedelta(days=3650)


def _nothing_is_none(value: object) -> object:
    """A form sends a field that was left empty as an empty text."""
    return None if value == "" else value


def _visible(value: str) -> str:
    if not value.isprintable():
        message = "it has characters that cannot be seen"
        raise ValueError(message)
    return value


def _is_pair(value: str) -> str:
    key, equals, _ = value.partition("=")
    if not (key and equals):
        message = "a label is KEY=VALUE"
        raise ValueError(message)
    return _visible(value)


def _without_empty(value: object) -> object:
    return [each for each in value if each != ""] if isinstance(value, list) else value


Word = Annotated[str | None, BeforeValidator(_nothing_is_none)]


class HostFilter(BaseModel):
    """Which hosts: what is left out does not narrow."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=64), AfterValidator(_visible)] = Field(
        default="", description="Part of the host's name."
    )
    label: Annotated[
        list[Annotated[str, Field(max_length=520), AfterValidator(_is_pair)]],
        BeforeValidator(_without_empty),
        Field(max_length=_LABELS),
    ] = Field(default=[], description="KEY=VALUE; repeat for several, which must all match.")
    channel: Word = Field(
        default=None, pattern=f"^{_NAME}/{_NAME}$", description="PRODUCT/CHANNEL that the host follows."
    )
    current: Word = Field(default=None, pattern=DIGEST_PATTERN, description="The digest that the host runs.")
    presence: Annotated[Literal["online", "offline"] | None, BeforeValidator(_nothing_is_none)] = Field(
        default=None, description="Only hosts that are connected, or only others."
    )
    release: Word = Field(
        default=None,
        pattern=f"^{_NAME}/{_NAME}/{_DIGEST}$",
        description="PRODUCT/CHANNEL/DIGEST that the host is counted in.",
    )
    phase: Annotated[Phase | None, BeforeValidator(_nothing_is_none)] = Field(
        default=None, description="How far the host is with `release`."
    )
    wave: Word = Field(
        default=None,
        pattern=f"^(-|{_NAME})$",
        description="The host's wave of `release`; `-` for hosts that are in none.",
    )
    quiet: Annotated[int | None, BeforeValidator(_nothing_is_none)] = Field(
        default=None,
        ge=1,
        le=int(_LONGEST.total_seconds()),
        description="Hosts that have said nothing for so many seconds.",
    )
    after: Annotated[str | None, BeforeValidator(_nothing_is_none)] = Field(
        default=None, pattern=HOST_PATTERN, description="The name that the page before ended with."
    )
    limit: int = Field(default=PAGE["usual"], ge=1, le=PAGE["most"], description="Rows on a page.")

    def query(self, now: datetime) -> HostQuery:
        """The question to put to the history.

        Raises:
            PageError: PAGE_QUERY, phase or wave without a release.
        """
        if self.release is None and (self.phase is not None or self.wave is not None):
            raise PageError(Code.PAGE_QUERY, "phase and wave are of a release: name it, too")
        product, _, channel = (self.channel or "").partition("/")
        return HostQuery(
            labels=dict(_pair(label) for label in self.label),
            channel=(product, channel) if channel else None,
            current=self.current,
            phase=self.phase,
            release=None if self.release is None else ReleaseKey(*self.release.split("/")),
            wave=NO_WAVE if self.wave == WITHOUT_WAVE else self.wave,
            online=None if self.presence is None else self.presence == "online",
            quiet_since=None if self.quiet is None else now - timedelta(seconds=self.quiet),
            text=self.text,
            after=self.after or "",
            limit=self.limit,
        )

    def pairs(self, **changes: str) -> list[tuple[str, str]]:
        """The parameters of an address that asks the same but for these changes; empty: left out."""
        plain = {
            name: str(value)
            for name, value in self.model_dump(mode="json", exclude={"label"}, exclude_defaults=True).items()
        }
        labels = [("label", label) for label in self.label]
        return [(k, v) for k, v in {**plain, **changes}.items() if v] + labels


def _pair(label: str) -> tuple[str, str]:
    key, _, value = label.partition("=")
    return key, value
