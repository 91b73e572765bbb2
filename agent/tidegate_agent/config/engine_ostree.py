"""The table of the ostree engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from tidegate_agent.config.scalars import Argv, Duration, File
from tidegate_agent.config.tables import Table

_STATEROOT = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class OstreeSettings(Table):
    """The ostree engine: Debian, Yocto and whatever else has libostree and no bootc. docs/engines/ostree.md.

    Attributes:
        stateroot: the name of the operating system in /ostree/deploy, whose /var all its images share;
            `ostree admin status` tells it.
        command: ostree.
        auth_file: registry credentials, in the form of containers-auth.json(5).
        registries_conf: mirrors and insecure registries, in the form of containers-registries.conf(5).
        query_timeout: how long ostree may take to answer a question.
        work_timeout: how long it may take to read or write an image.
    """

    stateroot: Annotated[str, Field(pattern=f"^{_STATEROOT}$", max_length=64)]
    command: Argv = Field(default=("ostree",), min_length=1)
    auth_file: File | None = None
    registries_conf: File | None = None
    query_timeout: Duration = timedelta(minutes=2)
    work_timeout: Duration = timedelta(hours=1)
