"""The rpm-ostree engine: the port ImageEngine over rpm-ostree, for Fedora CoreOS, Silverblue, IoT and kin.

Why not `rpm-ostree finalize-deployment`: it unlocks what is staged and then reboots the host by itself, from
the daemon and without a way to keep it from that. Here the reboot is the agent's, through its Host, after its
own windows, locks and inhibitors. So an image is staged with `rebase --lock-finalization`, and activated by
undoing the lock with `ostree admin lock-finalization --unlock`, which is all that the other command does
before it reboots.

Nothing has to be remembered beside: the origin of a deployment keeps the announced digest that it was pinned
to, an index's too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.finalizing import last_failure
from tidegate_agent.engines.rivals import refuse_rivals
from tidegate_agent.engines.rpm_ostree.client import Client
from tidegate_agent.engines.rpm_ostree.order import BootOrder, fallback_of
from tidegate_agent.engines.rpm_ostree.staging import Staging
from tidegate_agent.engines.rpm_ostree.values import Places, Programs, Timeouts
from tidegate_agent.engines.tool import Tool
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Capabilities, ImageStatus, StageProgress, StageResult
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.engines.rpm_ostree.status import HostStatus
    from tidegate_agent.model import ImageTarget

_PLACES: Final = Places()
_PROGRAMS: Final = Programs()
_TIMEOUTS: Final = Timeouts()


class RpmOstreeEngine:
    """Rebases the host to images pinned by digest, with whatever is layered on top.

    Args:
        programs: the programs it runs.
        places: directories.
        timeouts: how long to wait.
        image_policy: whether containers-policy.json(5) has to accept an image too, as `ostree-image-signed:`
            asks; without, what the agent verified is enough.
    """

    def __init__(
        self,
        programs: Programs = _PROGRAMS,
        places: Places = _PLACES,
        timeouts: Timeouts = _TIMEOUTS,
        *,
        image_policy: bool = False,
    ) -> None:
        rpm_ostree = Tool(programs.rpm_ostree, {"RPMOSTREE_CLIENT_ID": "tidegate-agent"})
        self._client = Client(rpm_ostree, Tool(programs.ostree), places.run, timeouts)
        self._systemctl = Tool(programs.systemctl)
        self._places = places
        self._order = BootOrder(self._client)
        self._staging = Staging(self._client, image_policy=image_policy)
        self._fallback = fallback_of(programs.rpm_ostree)

    def capabilities(self) -> Capabilities:
        """Every change takes a reboot; none of them is soft."""
        return Capabilities(reboots=True, fallback=self._fallback)

    def status(self) -> ImageStatus:
        """See the port. A deployment of an ostree commit has the digest `sha256:` and the commit's checksum.

        Raises:
            EngineError: ENGINE_MISSING, ENGINE_OUTPUT or ENGINE_TIMEOUT.
        """
        status = self._client.status()
        return ImageStatus(
            current=status.booted.digest,
            staged=status.staged.digest if status.staged else None,
            previous=status.previous.digest if status.previous else None,
            rollback_queued=status.queued,
            fault=last_failure(self._places.boot),
        )

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port. Layers that are here are not fetched again; how many bytes came is nearly right.

        The image that runs is not staged again; what is staged is dropped then.

        Raises:
            EngineError: ENGINE_BUSY, ENGINE_CONFLICT, ENGINE_TIMEOUT, STAGE_FAILED, or an `image.*` or
                `disk.*` code, as far as the message of rpm-ostree tells.
            Cancelled: soon after `cancelled()`; the layers that are complete stay for the next attempt.
        """
        refuse_rivals(self._systemctl)
        status = self._client.status()
        if self._is_there(status, target.digest):
            progress(StageProgress(0, 0, 0))
            progress(StageProgress(100, 0, 0))
            return StageResult(target.digest, 0, 0, 0)
        self._require_space(Code.STAGE_FAILED)
        if status.staged is None:
            # A rebase starts from the first entry, running or not. After a fallback of the boot loader that
            # is the image which failed, with its packages, and a rebase to the same again is refused.
            self._order.stay(status)
        return self._staging.run(target, progress, cancelled)

    def activate(self, digest: str) -> Activation:
        """See the port: the lock on what is staged is undone, and a shutdown finalizes it.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else or nothing is staged; ENGINE_CONFLICT;
                DISK_FULL; ACTIVATE_FAILED.
        """
        status = self._client.status()
        if status.staged is None and status.booted.digest == digest:
            self._order.stay(status)
            return Activation(reboot_required=False)
        if status.staged is None or status.staged.digest != digest:
            found = status.staged.digest if status.staged else "nothing"
            raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {found} is")
        refuse_rivals(self._systemctl)
        self._require_space(Code.ACTIVATE_FAILED)
        self._client.unlock()
        staged = self._client.status().staged
        if staged is None or staged.digest != digest:
            reason = f"somebody else replaced {digest} meanwhile"
            raise EngineError(Code.ACTIVATE_FAILED, reason, retryable=True)
        return Activation(reboot_required=True)

    def rollback(self, digest: str) -> Activation:
        """See the port. What is staged is dropped: rpm-ostree goes back with nothing staged only.

        Raises:
            EngineError: ROLLBACK_FAILED, or an `engine.*` code.
        """
        status = self._client.status()
        if status.booted.digest == digest:
            self._order.stay(status)
            return Activation(reboot_required=False)
        self._order.go_back(status, digest)
        return Activation(reboot_required=True)

    def discard(self) -> None:
        """See the port. Layers of a staging that was interrupted go too.

        Raises:
            EngineError: STAGE_FAILED, or an `engine.*` code.
        """
        self._client.stop_rebase()
        status = self._client.status()
        if status.staged is not None:
            self._order.without_staged(status)
        else:
            self._client.drop_leftovers()

    def _is_there(self, status: HostStatus, digest: str) -> bool:
        """Whether nothing is to be fetched for an image: it is staged, or it runs and goes on to."""
        if status.staged is not None and status.staged.digest == digest:
            return True
        if status.booted.digest != digest:
            return False
        self._order.stay(self._order.without_staged(status))
        return True

    def _require_space(self, code: Code) -> None:
        self._places.reserve.require(self._places.boot, self._places.store, code)
