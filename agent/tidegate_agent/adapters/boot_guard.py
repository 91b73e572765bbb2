"""ports.BootGuard: a deadline that needs no agent, and the boot loader's own count where it has one.

This is the agent's half. The other is a shell script that systemd starts early in every boot
(usr/lib/tidegate/boot-guard). They meet in one directory, in which each state is a name, taken by one rename:

| there is | means | and at a boot the script |
|---|---|---|
| nothing | no new image is expected | does nothing |
| armed/ | one is expected | in a new boot and a new image, waits out the deadline, then renames it |
| fired/pending | it was not proven in time | goes back; after a power cut it goes on, within two tries |
| fired/went | the previous image is the next boot's | does nothing |
| fired/failed | it could not be made so; the host stays up | does nothing |
| fired/noted | the boot loader went back by itself | does nothing |

In armed/ and fired/ lie `digest`, `deadline` in seconds, `boot` and `userspace` in which it was armed,
`place` (the image that ran then, see this_boot.py), `fallback` and `uncount` (commands, a word on each line),
`reason`, and the tokens `try.1`, `try.2` and `pending`, which the script renames. It writes nothing: a full
disk is one way to fail a boot. Beside them lies `counting`: which of the boot loader's counters was started,
and has to be stopped.

| the power fails | then |
|---|---|
| before armed/ has its name | no update has begun |
| armed, and the old image comes up | `place` is still its own: the script waits for the agent to disarm |
| in the new image before the deadline | the deadline begins anew; the boot loader has counted one boot |
| decided, before the command has worked | in the new image: the next try, at once |
| after the command, before the reboot | in the old image: nothing to do; the agent asks `fired` |
| the agent went back, did not disarm yet | in the old image: nothing to do; the agent disarms |

| and if | then |
|---|---|
| the command fails twice | `failed`: the host stays up, and says so on its console |
| it works, and the new image boots all the same | `went`: no second round, so no loop |
| the directory cannot be written | it goes back all the same, and notes nothing |
| the reboot is refused | `went`: the next boot goes back; the console says so |
| the agent disarms while the script decides | one rename comes first; see `fired` |
| the agent is alive, and slow | its health.timeout ends before the deadline: it goes back itself |
| the reboot is a soft one | the boot id stays, `userspace` changes: a new boot |
| systemd does not tell `userspace` | only a changed boot id is a new boot |
| the boot loader's boots are used up | `fired` notes it, and gives the first entry one boot again |
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.adapters.boot_guard_counter import NotedCounter
from tidegate_agent.adapters.boot_guard_directory import GuardDirectory
from tidegate_agent.config.scalars import format_duration
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Failure
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from tidegate_agent.adapters.boot_counting import GrubCounting
    from tidegate_agent.adapters.boot_guard_unit import GuardUnit
    from tidegate_agent.adapters.this_boot import ThisBoot

DIRECTORY: Final = Path("/var/lib/tidegate/boot-guard")
"""Where tidegate-boot-guard.service looks."""

_TOKENS: Final = ("try.1", "try.2", "pending")


class FileBootGuard:
    """The guard's directory, and the boot loader's counter where there is one.

    Args:
        directory: where the script looks.
        deadline: from the script's start, early in the boot, until it goes back; longer than health.timeout.
        boot: this boot and this image.
        counting: the boot loader's counter, if it has one.
        counting_required: whether an image is not activated when that counter cannot be set.
        unit: unit and script, which are taken along into an image that may lack them.
    """

    def __init__(
        self,
        directory: Path,
        deadline: timedelta,
        boot: ThisBoot,
        counting: GrubCounting | None = None,
        *,
        counting_required: bool = False,
        unit: GuardUnit | None = None,
    ) -> None:
        self._directory = GuardDirectory(directory)
        self._counter = NotedCounter(self._directory)
        self._deadline = deadline
        self._boot = boot
        self._counting = counting
        self._counting_required = counting_required
        self._unit = unit

    def arm(self, digest: str, fallback: Sequence[str]) -> None:
        """Expect this image at the next boot; `fallback` is run by a deadline that needs no agent.

        Durable when it returns, and safe to repeat. An older verdict is forgotten.

        Raises:
            EngineError: ACTIVATE_FAILED, retryable: it could not be written, or there is no such command.
        """
        _require_words((digest, *fallback), fallback)
        try:
            self._directory.arm(self._files(digest, fallback))
        except OSError as error:
            raise _failed(f"{self._directory.path} cannot be written: {error.strerror}") from error
        self._take_along()
        self._count()

    def disarm(self) -> None:
        """The expected image proved healthy, or is not expected any more. A no-op when nothing is armed.

        A decision that the script has taken meanwhile stays, until the host is back in the image in which the
        guard was armed: ask `fired` afterwards, and before anybody is told of a success.

        Raises:
            EngineError: ACTIVATE_FAILED, retryable: the boot loader still counts, or the disk failed.
        """
        try:
            self._directory.drop("armed")
            if self._is_back() or self._directory.has("fired/failed"):
                self._directory.drop("fired")
            self._counter.stop()
            self._leave()
        except OSError as error:
            raise _failed(f"{self._directory.path} cannot be written: {error.strerror}") from error

    def fired(self) -> Failure | None:
        """Why the guard, or the boot loader it armed, went back since it was armed; None when it did not.

        It is known as soon as it is decided: where the host still runs the expected image, it is about to
        leave it, or was kept from it by a power cut, and nobody may call it good. It stays known until the
        host is back and `disarm` is called, or another image is armed.

        Raises:
            EngineError: ACTIVATE_FAILED, retryable: the disk failed.
        """
        try:
            self._counter.hear()
            if self._directory.has("fired/failed") and not self._is_back():
                return None
            reason = self._directory.value("fired/reason")
            if reason is None:
                return None
            by_loader = self._directory.has("fired/noted")
            left = self._directory.value("fired/digest")
            details = {} if left is None else {"digest": left}
            return Failure(Code.BOOT_FALLBACK if by_loader else Code.BOOT_DEADLINE, reason, details)
        except OSError as error:
            raise _failed(f"{self._directory.path} cannot be read: {error.strerror}") from error

    def _files(self, digest: str, fallback: Sequence[str]) -> dict[str, Sequence[str]]:
        """What the script needs."""
        within = format_duration(self._deadline)
        uncount = () if self._counting is None else _uncount(self._counting)
        return {
            "digest": (digest,),
            "deadline": (str(int(self._deadline.total_seconds())),),
            "boot": (self._boot.boot_id(),),
            "userspace": (self._boot.userspace(),),
            "place": (self._boot.place(),),
            "fallback": tuple(fallback),
            "reason": (f"the agent did not prove {digest} before the deadline of {within} after the boot",),
            **({"uncount": uncount} if uncount else {}),
            **dict.fromkeys(_TOKENS, ()),
        }

    def _take_along(self) -> None:
        try:
            if self._unit is not None:
                self._unit.take_along()
        except OSError as error:
            logger.warning("an image without the boot guard's unit would have no guard: {}", error)

    def _leave(self) -> None:
        """Take away what was taken along. Where that fails it lies about, and does nothing."""
        try:
            if self._unit is not None and not self._directory.has("fired"):
                self._unit.leave()
        except OSError as error:
            logger.warning("the boot guard's unit stays in /etc: {}", error)

    def _count(self) -> None:
        try:
            if self._counting is not None:
                self._counter.start(self._counting)
        except (EngineError, OSError) as error:
            if self._counting_required:
                self._directory.drop("armed")
                raise _failed(f"the boot loader does not count: {error}") from error
            logger.warning("the new image is guarded by its deadline alone: {}", error)

    def _is_back(self) -> bool:
        """Whether the image runs that ran when the guard was armed, and a decision was taken since."""
        return self._directory.value("fired/place") == self._boot.place()


def _require_words(words: Sequence[str], fallback: Sequence[str]) -> None:
    """Refuse what the script would read as something else."""
    if not fallback:
        raise _failed("the image engine names no command that brings the previous image back")
    if any("\n" in word or "\0" in word for word in words):
        raise _failed("a command for the boot guard may have no line ends in its words")


def _uncount(counting: GrubCounting) -> tuple[str, ...]:
    """What stops the counter in an image that may lack GRUB's own tool: a comment of the same length."""
    return ("sed", "-i", "s/^boot_counter=/#oot_counter=/", str(counting.block.resolve()))


def _failed(reason: str) -> EngineError:
    return EngineError(Code.ACTIVATE_FAILED, f"the boot guard cannot do its work: {reason}", retryable=True)
