"""What nobody needs any more, and when it goes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_agent.engines.images.pull import Layer
    from tidegate_agent.engines.ostree.account import Account
    from tidegate_agent.engines.ostree.deployments import Slots
    from tidegate_agent.engines.ostree.sysroot import Sysroot
    from tidegate_agent.engines.ostree.workplace import Workplace


class Housekeeping:
    """Gives space back. The workplace is locked by the caller."""

    def __init__(self, workplace: Workplace, sysroot: Sysroot, account: Account) -> None:
        self._workplace = workplace
        self._sysroot = sysroot
        self._account = account

    def make_room(self, found: Slots, layers: Sequence[Layer]) -> None:
        """Before space is asked for: remove what nobody needs, but for these layers."""
        leftovers = self._workplace.clear()
        for one in found.surplus:
            self._sysroot.undeploy(one, Code.STAGE_FAILED)
        if self._account.forget_others(found.kept, layers) or leftovers:
            self._sysroot.clean_up(Code.STAGE_FAILED)

    def give_back(self, error: BaseException) -> None:
        """After a staging that failed: keep what came where the same attempt can go on with it."""
        self._workplace.clear()
        code = Code.DISK_FULL if isinstance(error, OSError) else getattr(error, "code", None)
        if isinstance(error, Cancelled) or code is Code.IMAGE_UNREACHABLE:
            return
        self._workplace.clear_blobs()
        if code is Code.DISK_FULL:
            with suppress(TidegateError):
                self._forget()

    def tidy(self) -> None:
        """When a staging is complete, or nothing is to be staged: keep what deployments and names need."""
        self._workplace.clear()
        self._workplace.clear_blobs()
        self._forget()

    def _forget(self) -> None:
        if self._account.forget_others(self._sysroot.slots().kept):
            self._sysroot.clean_up(Code.STAGE_FAILED)
