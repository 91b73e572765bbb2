"""What has to be the case before anything is begun: it is refused before it can fail half way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.bootc.features import Features
    from tidegate_agent.engines.bootc.status import HostStatus
    from tidegate_agent.engines.bootc.values import Wishes


def require_changeable(host: HostStatus) -> None:
    """Refuse a host that bootc would not change.

    Raises:
        EngineError: DISK_IO on a read-only medium; ENGINE_CONFLICT where packages were layered.
    """
    if host.read_only:
        raise EngineError(Code.DISK_IO, "the sysroot is on a read-only medium and cannot be updated")
    if host.booted is not None and host.booted.incompatible:
        reason = (
            "packages were layered on this host by rpm-ostree, which bootc does not touch: remove them "
            "with `rpm-ostree reset`, or set follow.engine to rpm-ostree"
        )
        raise EngineError(Code.ENGINE_CONFLICT, reason, retryable=True)


def require_lock(features: Features, wishes: Wishes) -> None:
    """Refuse a release that cannot stage for download only, unless the owner accepts what that means.

    Raises:
        EngineError: ENGINE_MISSING.
    """
    if features.switch_locks or features.upgrade_locks or wishes.unlocked:
        return
    reason = (
        "this release of bootc cannot stage for download only, so that any reboot would bring what "
        "is staged: update bootc, or set follow.bootc.unlocked to accept that"
    )
    raise EngineError(Code.ENGINE_MISSING, reason)
