"""The settings of the podman engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from tidegate_agent.config.scalars import Duration, File, Pause
from tidegate_agent.config.tables import Table

UnitName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\\][A-Za-z0-9_.:@\\-]*\.service$", max_length=255)
]
"""A service's name as systemd.unit(5) has it, such as `app.service`."""

UserName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]*\$?$", max_length=32)]
"""A user's name, as useradd(8) allows it."""


class PodmanSettings(Table):
    """The podman image engine: one container's unit, pinned to a digest by a drop-in.

    Attributes:
        unit: the container's unit. Its command names the image "${TIDEGATE_IMAGE}", in a quadlet by
            Image=${TIDEGATE_IMAGE}.
        directory: the engine's own state; the images lie in podman's storage.
        user: whose podman and service manager run the container; the agent's own when absent. Lingering has
            to be enabled for them (loginctl enable-linger).
        auth_file: registry credentials, in the form of containers-auth.json(5). The user has to be able to
            read it.
        registries_conf: mirrors and insecure registries, in the form of containers-registries.conf(5).
        pull_timeout: how long one pull may take, unpacking included.
        stall_timeout: how long a pull may go without a byte.
        start_timeout: how long the unit may take to come up.
        settle: how long it has to stay up before it counts as started; the health checks come after that.
    """

    unit: UnitName
    directory: File
    user: UserName | None = None
    auth_file: File | None = None
    registries_conf: File | None = None
    pull_timeout: Duration = timedelta(hours=2)
    stall_timeout: Duration = timedelta(minutes=5)
    start_timeout: Duration = timedelta(minutes=2)
    settle: Pause = timedelta(seconds=3)
