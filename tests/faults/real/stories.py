"""What happens to a host while it is ended: each story is one way through the update machine.

A story is told once for each boundary, with a release of its own: `begin` before the first life, `accompany`
while that lasts, `resume` in the second one. Then `faults` says what did not come out as it should have.
Longer than the habit, as a catalogue is.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar

from tests.faults.real.ground import PATIENCE_S, Ground, Life
from tidegate_agent.adapters import control_unix
from tidegate_agent.errors import ControlError
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate_schemas.events import UpdateEvent

UPDATED = [Step.ACCEPTED, Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.PROVING, Step.SUCCEEDED]
SICK = [*UPDATED[:-1], Step.ROLLING_BACK, Step.ROLLED_BACK]
CANCELLED = [Step.ACCEPTED, Step.STAGING, Step.STAGED, Step.WAITING, Step.CANCELLED]
SUPERSEDED = [Step.ACCEPTED, Step.STAGING, Step.SUPERSEDED]
STRANGER = "mallory@example.org"


class Story:
    """What stories have in common: a ground, a release, and how the host stood before."""

    name: ClassVar[str]

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.here = ground.here
        self.before = ground.current()
        self._switched = len(self.here.host.switches)

    def begin(self) -> None:
        """Set the scene; no agent runs."""
        raise NotImplementedError

    def over(self) -> bool:
        """Whether the watcher has heard the end of it."""
        raise NotImplementedError

    def accompany(self, life: Life) -> None:
        """Do what is to be done during the first life; returns when that, or the story, is over."""
        life.run_until(lambda: self.over() and self.ground.told_all(), f"{self.name} is over")

    def accompany_again(self, life: Life) -> None:
        """The same during the lives between the first and the last one."""
        life.run_until(lambda: self.over() and self.ground.told_all(), f"{self.name} is over")

    def resume(self) -> None:
        """The last life has begun: return when the story is over."""
        self.here.watcher.wait(self.over, f"{self.name} is over", PATIENCE_S)

    def faults(self) -> list[str]:
        """What did not come out as it should have; no agent runs."""
        raise NotImplementedError

    def steps(self, digest: str) -> list[str]:
        """What was told of an image, progress left out."""
        return [
            str(event.data.step)
            for event in self.here.watcher.events
            if event.data.digest == digest and event.data.percent is None
        ]

    def ended(self, digest: str, step: Step) -> bool:
        """Whether the last word about an image is that."""
        return self.steps(digest)[-1:] == [step]

    def switches(self) -> list[str]:
        """What the hook was run for since the beginning; for one image once more where it was cut off."""
        run = self.here.host.switches[self._switched :]
        return [each for place, each in enumerate(run) if place == 0 or run[place - 1] != each]

    def compare(
        self, told: Mapping[str, Sequence[str]], switches: list[str], generations: list[str]
    ) -> list[str]:
        """Sentences for what is not as it should be; the first of the generations is the current one."""
        found = [
            *(
                _differ(f"steps of {digest}", self.steps(digest), [str(each) for each in steps])
                for digest, steps in told.items()
            ),
            _differ("switches", self.switches(), switches),
            _differ("the current image", self.ground.current(), generations[0]),
            *self.ground.faults(set(generations)),
        ]
        return [each for each in found if each]


class Success(Story):
    """A release is announced and becomes the running one."""

    name = "success"
    digest: str

    def begin(self) -> None:
        self.digest = self.ground.release()
        self.here.channel.announce(self.digest)

    def over(self) -> bool:
        return self.ended(self.digest, Step.SUCCEEDED)

    def faults(self) -> list[str]:
        return self.compare({self.digest: UPDATED}, [self.digest], [self.digest, self.before])


class Big(Success):
    """A release of many files, all of them new."""

    name = "big"

    def begin(self) -> None:
        self.digest = self.ground.big_release()
        self.here.channel.announce(self.digest)


class Sick(Success):
    """A release fails its health check, and the host goes back."""

    name = "rollback"

    def begin(self) -> None:
        self.digest = self.ground.release(sick=True)
        self.here.channel.announce(self.digest)

    def over(self) -> bool:
        return self.ended(self.digest, Step.ROLLED_BACK)

    def faults(self) -> list[str]:
        return self.compare({self.digest: SICK}, [self.digest, self.before], [self.before])


class Refused(Story):
    """A stranger signs what the broker retains."""

    name = "refusal"

    def begin(self) -> None:
        self._told = len(self.here.watcher.events)
        channel = self.here.channel
        channel.sequence += 1
        statement = channel.statement(self.ground.release())
        channel.say(channel.sign(statement, email=STRANGER))

    def over(self) -> bool:
        return bool(self._new())

    def faults(self) -> list[str]:
        told = [str(event.data.code) for event in self._new()]
        return [
            *([] if told == [Code.SIGNATURE_IDENTITY.value] else [f"what was told: {told}"]),
            *self.compare({}, [], [self.before, *self.ground.previous()]),
        ]

    def _new(self) -> list[UpdateEvent]:
        return self.here.watcher.events[self._told :]


class Superseded(Success):
    """A newer release is announced while an older one is fetched, slowly."""

    name = "supersede"

    def begin(self) -> None:
        self.older = self.ground.slow_release()
        self.digest = self.ground.release()
        self.here.channel.announce(self.older)

    def accompany(self, life: Life) -> None:
        life.run_until(lambda: "staging" in self.steps(self.older), "the older one is being staged")
        self.here.channel.announce(self.digest)
        super().accompany(life)

    def faults(self) -> list[str]:
        # Where the first life ended before it had read the older one, that was never heard.
        heard = SUPERSEDED if self.steps(self.older) else []
        told = {self.older: heard, self.digest: UPDATED}
        return self.compare(told, [self.digest], [self.digest, self.before])


class Cancelled(Story):
    """A staged release waits for a window that stays closed, until a person calls it off."""

    name = "cancel"
    digest: str

    def begin(self) -> None:
        self.digest = self.ground.release()
        self.here.channel.announce(self.digest)

    def over(self) -> bool:
        return self.ended(self.digest, Step.CANCELLED)

    def accompany(self, life: Life) -> None:
        life.run_until(lambda: self.ended(self.digest, Step.WAITING), "it waits for the window")
        if not life.reached():
            self._cancel()
        super().accompany(life)

    def resume(self) -> None:
        waits = lambda: self.ended(self.digest, Step.WAITING) or self.over()  # noqa: E731 - twice one word
        self.here.watcher.wait(waits, "it waits for the window", PATIENCE_S)
        if not self.over():
            self._cancel()
        super().resume()

    def faults(self) -> list[str]:
        return self.compare({self.digest: CANCELLED}, [], [self.before, *self.ground.previous()])

    def _cancel(self) -> None:
        # Whether it was cancelled when no answer came is seen later.
        with contextlib.suppress(ControlError):
            control_unix.ask(self.here.host.directory / "run", {"command": "cancel", "reason": "not today"})


def _differ(what: str, found: object, expected: object) -> str:
    """A sentence where something is not as it should be; else nothing."""
    return "" if found == expected else f"{what}: {found}, not {expected}"
