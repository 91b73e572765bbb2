"""The table of the bootc engine."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from tidegate_agent.config.scalars import Argv, Duration, File
from tidegate_agent.config.tables import Table

_MIB = 2**20


class BootcSettings(Table):
    """The bootc engine: image-mode Fedora, CentOS Stream, RHEL and their kin. docs/engines/bootc.md.

    Attributes:
        command: bootc.
        ostree: ostree, which drops what is staged.
        auth_file: registry credentials, in the form of containers-auth.json(5). bootc reads
            /etc/ostree/auth.json before anything else: leave this out where that file is there.
        status_timeout: how long bootc may take to tell the host's status, for which it waits until whoever
            works on the host's deployments is done.
        change_timeout: how long an activation, a rollback or a removal may take.
        stall_timeout: how long staging may go without progress. While it deploys, bootc tells of none: this
            has to be longer than that takes.
        stage_timeout: how long all of a staging may take.
        boot_free_bytes: what has to be free on /boot before staging and before activation, in bytes.
        store_free_bytes: the same on /sysroot. bootc itself sees to the space for what it fetches.
        unlocked: whether to work with a release of bootc that has no `upgrade --download-only`. There any
            reboot brings what is staged, whatever windows, waves and approvals say.
    """

    command: Argv = Field(default=("bootc",), min_length=1)
    ostree: Argv = Field(default=("ostree",), min_length=1)
    auth_file: File | None = None
    status_timeout: Duration = timedelta(minutes=2)
    change_timeout: Duration = timedelta(minutes=10)
    stall_timeout: Duration = timedelta(minutes=20)
    stage_timeout: Duration = timedelta(hours=6)
    boot_free_bytes: int = Field(default=32 * _MIB, ge=0)
    store_free_bytes: int = Field(default=512 * _MIB, ge=0)
    unlocked: bool = False
