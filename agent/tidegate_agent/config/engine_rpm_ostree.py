"""The table of the rpm-ostree engine."""

from __future__ import annotations

from datetime import timedelta

from tidegate_agent.config.scalars import Argv, Duration
from tidegate_agent.config.tables import Table


class RpmOstreeSettings(Table):
    """The rpm-ostree engine: image mode on Fedora CoreOS, Silverblue, IoT and kin; layered packages stay.

    Attributes:
        command: rpm-ostree.
        ostree: ostree.
        image_policy: whether policy.json, see containers-policy.json(5), has to accept an image too
            ("ostree-image-signed"). Without, what this agent verified is enough ("ostree-unverified-image").
        answer_timeout: how long rpm-ostree's daemon may take to answer, and a registry to give the manifest.
        stall_timeout: how long it may go without progress. It reports whole layers only, so this has to be
            longer than the largest layer takes.
        stage_timeout: how long all of a staging may take.
    """

    command: Argv = ("rpm-ostree",)
    ostree: Argv = ("ostree",)
    image_policy: bool = False
    answer_timeout: Duration = timedelta(minutes=2)
    stall_timeout: Duration = timedelta(minutes=30)
    stage_timeout: Duration = timedelta(hours=4)
