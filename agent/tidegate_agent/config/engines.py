"""Which image engine a follow has, and the engine's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import model_validator

from tidegate_agent.config.engine_bootc import BootcSettings
from tidegate_agent.config.engine_embedded import EmbeddedSettings
from tidegate_agent.config.engine_ostree import OstreeSettings
from tidegate_agent.config.engine_podman import PodmanSettings
from tidegate_agent.config.engine_rpm_ostree import RpmOstreeSettings
from tidegate_agent.config.scalars import refused
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

EngineSettings = EmbeddedSettings | BootcSettings | OstreeSettings | PodmanSettings | RpmOstreeSettings

_MISSING: Final = {
    "embedded": "a directory",
    "ostree": "the name of the stateroot",
    "podman": "a unit and a directory",
}
"""What an engine cannot do without."""


class EngineTables(Table):
    """The image engine of a follow.

    Attributes:
        engine: what makes an image the running system: an operating system of bootc, rpm-ostree or ostree; an
            application by podman or, without any tool, by the embedded engine.
        embedded: the settings of the embedded engine.
        bootc: the settings of the bootc engine; it needs none.
        ostree: the settings of the ostree engine.
        podman: the settings of the podman engine.
        rpm_ostree: the settings of the rpm-ostree engine; it needs none.
    """

    engine: Literal["embedded", "bootc", "ostree", "podman", "rpm-ostree"] = "embedded"
    embedded: EmbeddedSettings | None = None
    bootc: BootcSettings | None = None
    ostree: OstreeSettings | None = None
    podman: PodmanSettings | None = None
    rpm_ostree: RpmOstreeSettings | None = None

    @model_validator(mode="after")
    def _engine_is_configured(self) -> Self:
        tables = self._tables()
        if self.engine in _MISSING and tables[self.engine] is None:
            text = f"expected a table [follow.{self.engine}] with {_MISSING[self.engine]}"
            raise refused(Code.CONFIG_MISSING, text)
        foreign = next((name for name, table in tables.items() if table and name != self.engine), None)
        if foreign is not None:
            key = foreign.replace("-", "_")
            text = f'[follow.{key}] is set, but the engine is "{self.engine}"; expected engine = "{foreign}"'
            raise refused(Code.CONFIG_VALUE, text)
        return self

    def _tables(self) -> dict[str, EngineSettings | None]:
        return {
            "embedded": self.embedded,
            "bootc": self.bootc,
            "ostree": self.ostree,
            "podman": self.podman,
            "rpm-ostree": self.rpm_ostree,
        }

    @property
    def changes_system(self) -> bool:
        """Whether its images are the host's operating system, and come with a reboot."""
        return self.engine in {"bootc", "ostree", "rpm-ostree"}

    @property
    def fetches_itself(self) -> bool:
        """Whether the agent fetches its images, rather than the engine's tool."""
        return self.engine in {"embedded", "ostree"}

    @property
    def engine_settings(self) -> EngineSettings:
        """The table of the engine, or its defaults."""
        table = self._tables()[self.engine]
        if table is not None:
            return table
        return BootcSettings() if self.engine == "bootc" else RpmOstreeSettings()

    @property
    def directory(self) -> Path | None:
        """The directory that the engine keeps for itself, where one is configured."""
        table = self.embedded or self.podman
        return None if table is None else table.directory
