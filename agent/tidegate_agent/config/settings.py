"""The whole configuration of a host."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field, model_validator

from tidegate_agent.config.activation import ActivateSettings
from tidegate_agent.config.calendars import BlackoutSettings, WindowSettings
from tidegate_agent.config.checks import HealthSettings
from tidegate_agent.config.download import DownloadSettings
from tidegate_agent.config.events import EventsSettings
from tidegate_agent.config.follows import FollowSettings
from tidegate_agent.config.metrics import MetricsSettings
from tidegate_agent.config.requests import RequestsSettings
from tidegate_agent.config.scalars import NO_ROOT, format_duration, refused
from tidegate_agent.config.tables import (
    HostSettings,
    LogSettings,
    StageSettings,
    StateSettings,
    Table,
    VerifySettings,
)
from tidegate_agent.config.trust import TrustSettings
from tidegate_agent.windows import Schedule
from tidegate_schemas.codes import Code
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_GUARD_MARGIN: Final = timedelta(minutes=5)
"""From the start of the boot guard, early in the boot, to that of the agent's health checks; ample."""


class Settings(Table):
    """Everything that a person can set on a host.

    Attributes:
        host: who this host is.
        bus: the broker.
        trust: the trusted root, and bounds on trust.
        follow: the channels.
        state: the agent's own files.
        window: the maintenance windows.
        blackout: when nothing may change.
        stage: fetching images.
        download: what that may cost.
        activate: switching to them.
        health: proving that they work.
        verify: the process that checks signatures.
        log: the agent's own words.
        events: how what the host tells is signed.
        requests: who may send requests to this host.
        metrics: numbers for Prometheus.
    """

    host: HostSettings = Field(default_factory=HostSettings)
    bus: BusSettings
    trust: TrustSettings
    follow: Annotated[tuple[FollowSettings, ...], Field(strict=False, min_length=1, max_length=64)]
    state: StateSettings = Field(default_factory=StateSettings)
    window: Annotated[tuple[WindowSettings, ...], Field(strict=False, max_length=64)] = ()
    blackout: Annotated[tuple[BlackoutSettings, ...], Field(strict=False, max_length=1024)] = ()
    stage: StageSettings = Field(default_factory=StageSettings)
    download: DownloadSettings = Field(default_factory=DownloadSettings)
    activate: ActivateSettings = Field(default_factory=ActivateSettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
    verify: VerifySettings = Field(default_factory=VerifySettings)
    log: LogSettings = Field(default_factory=LogSettings)
    events: EventsSettings = Field(default_factory=EventsSettings)
    requests: RequestsSettings | None = None
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)

    @model_validator(mode="after")
    def _follows_differ(self) -> Self:
        keys = [entry.follow.key for entry in self.follow]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise refused(
                Code.CONFIG_VALUE, f"{twice[0]} is followed twice; expected one [[follow]] for each"
            )
        directories = [entry.directory for entry in self.follow if entry.directory]
        if len(set(directories)) < len(directories):
            raise refused(Code.CONFIG_VALUE, "two follows share one directory; expected one for each")
        systems = [entry.follow.key for entry in self.follow if entry.changes_system]
        if len(systems) > 1:
            both = " and ".join(systems[:2])
            raise refused(Code.CONFIG_VALUE, f"{both} both change the operating system; expected one to")
        return self

    @model_validator(mode="after")
    def _guard_waits_for_health(self) -> Self:
        if self.boot_deadline <= self.health.timeout:
            raise refused(
                Code.CONFIG_VALUE,
                "expected an activate.boot_deadline longer than health.timeout, which is "
                f'"{format_duration(self.health.timeout)}": the agent has to have its time first',
            )
        return self

    @model_validator(mode="after")
    def _downloads_have_windows(self) -> Self:
        if self.download.budget is not None and self.download.budget_per == "window" and not self.window:
            text = 'expected a [[window]] beside download.budget_per = "window"'
            raise refused(Code.CONFIG_VALUE, text)
        if self.download.rate_in_window is not None and not self.window:
            raise refused(Code.CONFIG_VALUE, "expected a [[window]] beside download.rate_in_window")
        return self

    @model_validator(mode="after")
    def _certificates_need_a_root(self) -> Self:
        by_certificate = any(entry.needs_root for entry in self.follow)
        if self.requests is not None:
            by_certificate = by_certificate or self.requests.needs_root
        if self.trust.root == NO_ROOT and by_certificate:
            text = 'expected a trusted root: with trust.root = "none" every signer has to be a key'
            raise refused(Code.CONFIG_VALUE, text)
        return self

    @property
    def boot_deadline(self) -> timedelta:
        """How long after the boot a new image may take to be proven."""
        return self.activate.boot_deadline or self.health.timeout + _GUARD_MARGIN

    def schedule(self, host_zone: ZoneInfo) -> Schedule:
        """The windows and blackouts of a host in this zone.

        Raises:
            ConfigError: CONFIG_VALUE when a blackout is empty in this zone.
        """
        return Schedule(
            tuple(window.window(host_zone) for window in self.window),
            tuple(blackout.blackout(host_zone) for blackout in self.blackout),
        )
