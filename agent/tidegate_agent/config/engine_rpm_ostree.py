"""The table of the rpm-ostree engine."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from tidegate_agent.config.scalars import Argv, Duration
from tidegate_agent.config.tables import Table

_MIB = 2**20


class RpmOstreeSettings(Table):
    """The rpm-ostree engine: Fedora CoreOS, Silverblue, IoT and their kin. docs/engines/rpm-ostree.md.

    Attributes:
        command: rpm-ostree.
        ostree: ostree, which unlocks what is staged.
        image_policy: whether policy.json, see containers-policy.json(5), has to accept an image too
            ("ostree-image-signed"). Without, what this agent verified is enough ("ostree-unverified-image").
        answer_timeout: how long rpm-ostree's daemon may take to answer, and a registry to give the manifest.
        stall_timeout: how long staging may go without progress, and clearing up may take. Only whole layers
            are reported: this has to be longer than the largest one takes.
        stage_timeout: how long all of a staging may take.
        boot_free_bytes: what has to be free on /boot before staging and before activation, in bytes.
        store_free_bytes: the same on /sysroot. ostree itself sees to the space for what it fetches.
    """

    command: Argv = Field(default=("rpm-ostree",), min_length=1)
    ostree: Argv = Field(default=("ostree",), min_length=1)
    image_policy: bool = False
    answer_timeout: Duration = timedelta(minutes=2)
    stall_timeout: Duration = timedelta(minutes=30)
    stage_timeout: Duration = timedelta(hours=4)
    boot_free_bytes: int = Field(default=32 * _MIB, ge=0)
    store_free_bytes: int = Field(default=512 * _MIB, ge=0)
