"""A machine that reboots in no time."""

from __future__ import annotations

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code


class FakeHost:
    """ports.Host that notes what is asked of it.

    Attributes:
        boots: how many times it has booted.
        reboots: the reasons of all reboots that were accepted.
        soft: for each of them, whether userspace alone was to be restarted.
        holds: what forbids an activation now.
        users: who is logged in.
        told: what they were told.
        refusal: why it refuses to reboot, if it does.
    """

    def __init__(self) -> None:
        self.boots = 1
        self.reboots: list[str] = []
        self.soft: list[bool] = []
        self.holds: tuple[str, ...] = ()
        self.users: tuple[str, ...] = ()
        self.told: list[str] = []
        self.refusal: str | None = None

    def boot_id(self) -> str:
        """Another one after every `boot`."""
        return f"00000000-0000-4000-8000-{self.boots:012}"

    def reboot(self, reason: str, *, soft: bool = False) -> None:
        """Accept a reboot, or refuse it; `boot` makes it happen."""
        if self.refusal is not None:
            raise EngineError(Code.ACTIVATE_REFUSED, self.refusal, retryable=True)
        self.reboots.append(reason)
        self.soft.append(soft)

    def inhibitors(self) -> tuple[str, ...]:
        """What the test has set."""
        return self.holds

    def sessions(self) -> tuple[str, ...]:
        """What the test has set."""
        return self.users

    def tell(self, text: str) -> None:
        """Note it."""
        self.told.append(text)

    def boot(self) -> None:
        """Come up again, after a reboot or a power cut."""
        self.boots += 1
