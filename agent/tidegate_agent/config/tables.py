"""The plain tables of the configuration. Class docstrings are the manual: the reference file quotes them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tidegate_agent.config.scalars import Duration, File, Pause, refused
from tidegate_schemas.base import HOST_PATTERN, Labels
from tidegate_schemas.codes import Code

_GIB: Final = 2**30


class Table(BaseModel):
    """A TOML table: frozen, strictly typed, unknown keys refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class HostSettings(Table):
    """Who this host is.

    Attributes:
        id: the host's name in topics; derived from /etc/machine-id (never that id itself) when absent.
        labels: key-value pairs that releases select hosts by.
    """

    id: str | None = None
    labels: Labels = Field(default_factory=dict)

    @field_validator("id")
    @classmethod
    def _usable_in_topics(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(HOST_PATTERN.removesuffix("$"), value) is None:
            raise refused(
                Code.HOST_ID,
                "expected 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit",
            )
        return value


class StateSettings(Table):
    """Where the agent keeps its own files.

    Attributes:
        directory: the journal; has to survive reboots and updates, and be writable by nobody else.
        runtime_directory: the control socket; gone at boot, and writable by nobody else.
        motd: whether those who log in are told what this host waits for, and what went wrong.
        motd_file: the file that tells them, where its directory exists: see pam_motd(8).
    """

    directory: File = Path("/var/lib/tidegate")
    runtime_directory: File = Path("/run/tidegate")
    motd: bool = True
    motd_file: File = Path("/run/motd.d/50-tidegate")


class StageSettings(Table):
    """When and how images are fetched and laid out beside the running one.

    Attributes:
        when: at once, or only inside a maintenance window.
        attempts: how often staging is tried before the update fails.
        retry_initial: the pause before the second attempt; it doubles from one to the next.
        retry_maximum: the longest pause.
        max_image_bytes: the unpacked size up to which an image is accepted, in bytes.
        max_image_entries: the number of files, directories and links up to which it is.
    """

    when: Literal["now", "window"] = "now"
    attempts: int = Field(default=8, ge=1, le=1000)
    retry_initial: Pause = timedelta(seconds=30)
    retry_maximum: Duration = timedelta(hours=1)
    max_image_bytes: int = Field(default=32 * _GIB, ge=1)
    max_image_entries: int = Field(default=1_000_000, ge=1)


class VerifySettings(Table):
    """The process that checks signatures.

    Attributes:
        memory_mib: its address space, in MiB, of which it needs about 80.
        timeout_s: how long it may take, in seconds.
    """

    memory_mib: int = Field(default=512, ge=128, le=65536)
    timeout_s: int = Field(default=60, ge=1, le=600)


class LogSettings(Table):
    """What the agent writes about its work.

    Attributes:
        level: the least important message that is written.
        format: text for people, json for machines, journal for systemd (with priorities).
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json", "journal"] = "text"
