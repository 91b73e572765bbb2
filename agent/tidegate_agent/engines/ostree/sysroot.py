"""Deployments, through `ostree admin`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tidegate_agent.engines.ostree.deployments import Deployment, Slots, parse_status, slots
from tidegate_agent.engines.rivals import refuse_rivals
from tidegate_agent.engines.tool import Tool
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_agent.engines.ostree.host import OstreeHost
    from tidegate_agent.engines.ostree.limited import Limited


class Sysroot:
    """One sysroot, and in it one operating system.

    Deployments are staged on a live host, for the next shutdown; elsewhere they are written at once.

    Args:
        ostree: the command.
        host: where, and which operating system.
    """

    def __init__(self, ostree: Limited, host: OstreeHost) -> None:
        self._ostree = ostree
        self.live = host.is_live
        # The command finds a live host's own sysroot by itself, and only then knows that it is live.
        self._where = () if self.live else (f"--sysroot={host.sysroot}",)
        self._os_name = host.os_name
        self._booted = host.which_runs
        self._systemctl = Tool(host.systemctl)

    def deployments(self) -> tuple[Deployment, ...]:
        """What there is, the next boot's first.

        Raises:
            EngineError: an ENGINE_* or DISK_* code.
        """
        return parse_status(self._query("status", code=Code.ENGINE_OUTPUT).decode(errors="replace"))

    def slots(self) -> Slots:
        """The same, by what they are for."""
        return slots(self.deployments(), self._os_name, self._booted)

    def require_place(self) -> Slots:
        """See that a deployment can be made here, and that nothing else makes them.

        Raises:
            EngineError: STAGE_FAILED; ENGINE_CONFLICT beside another update agent.
        """
        if self.live:
            refuse_rivals(self._systemctl)
        found = self.slots()
        if self.live and found.booted is None:
            raise EngineError(
                Code.STAGE_FAILED,
                "this host does not run from an ostree deployment, so no image can be staged beside it; "
                "install it from an image first, as docs/engines/ostree.md tells",
            )
        return found

    @cached_property
    def can_lock(self) -> bool:
        """Whether a staged deployment can wait with a lock on its finalization (libostree 2023.8)."""
        return (
            self.live and "--lock-finalization" in self._help("deploy") and "lock-finalization" in self._all
        )

    def deploy(
        self, ref: str, code: Code, *, locked: bool = False, kernel_arguments: Sequence[str] = ()
    ) -> None:
        """Make a commit the next boot's: at the next shutdown on a live host, at once on another.

        Kernel arguments and /etc are those of the running deployment, or of the first one, merged by ostree.
        """
        words = ["--no-prune", *(("--stage",) if self.live else ())]
        words += ["--lock-finalization"] if locked else []
        words += [f"--karg={argument}" for argument in kernel_arguments]
        self._work("deploy", *words, f"--os={self._os_name}", ref, code=code)

    def unlock(self, code: Code) -> None:
        """Let the staged deployment be finalized at shutdown."""
        self._query("lock-finalization", "--unlock", code=code)

    def undeploy(self, deployment: Deployment, code: Code) -> None:
        """Remove one that does not run."""
        self._work("undeploy", str(deployment.index), code=code)

    def make_default(self, wanted: Deployment, code: Code) -> None:
        """Make one that is there the next boot's, and keep the running one and it. Nothing may be staged.

        Without `ostree admin set-default` (before libostree 2023.1) deployments are made anew from their
        commits, in the right order; /etc then is merged from the running one.
        """
        if "set-default" in self._all:
            self._work("set-default", str(wanted.index), code=code)
            return
        found = self.deployments()
        runs = self._booted(found)
        os_name = f"--os={self._os_name}"
        if runs != wanted:
            self._work("deploy", "--no-prune", os_name, wanted.commit, code=code)
            return
        for before in reversed(found[: wanted.index]):
            if before.os_name == self._os_name:
                words = ("--no-prune", "--retain", "--not-as-default", os_name, before.commit)
                self._work("deploy", *words, code=code)
            self.undeploy(before, code)

    def clean_up(self, code: Code) -> None:
        """Give back the space of what no deployment and no ref needs."""
        self._work("cleanup", code=code)

    @cached_property
    def _all(self) -> str:
        return self._help()

    def _help(self, *words: str) -> str:
        output = self._ostree.attempt("admin", *words, "--help")
        # Some versions answer on stderr.
        return output.stdout.decode(errors="replace") + output.stderr

    def _query(self, verb: str, *words: str, code: Code) -> bytes:
        return self._ostree.query("admin", verb, *self._where, *words, code=code)

    def _work(self, verb: str, *words: str, code: Code) -> None:
        self._ostree.work("admin", verb, *self._where, *words, code=code)
