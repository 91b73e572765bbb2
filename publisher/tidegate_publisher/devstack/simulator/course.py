"""The way of one simulated host through an update: steps in the agent's order, each with its event. PURE.

`hostmodel` says what takes a host on that way; this is what it does then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.simulator import judging, telling
from tidegate_publisher.devstack.simulator.judging import Memory
from tidegate_publisher.devstack.simulator.profile import Behaviour
from tidegate_publisher.devstack.simulator.progress import Failure, Images, Stage, Update, Wait
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.devstack.simulator.profile import Profile
    from tidegate_schemas.events import UpdateEvent
    from tidegate_schemas.statement import ChannelStatement

Told = list["UpdateEvent"]

_LOOK_AGAIN: Final = timedelta(hours=1)
_QUARTERS: Final = 4


class Course(ABC):
    """Where a host stands, and how it goes on.

    Args:
        profile: what it is like.
        channel: the one product and channel that it follows.

    Attributes:
        start: how often its agent was started.
        powered: whether the host is up.
        due: when it goes on by itself, by its own clock; None where only a message moves it.
        stage, update, wait, outcome, failure: where it stands.
        images: what is on its disk.
        memory: what it remembers of the channel.
        quarantined: the images that it gave up on, and why.
    """

    def __init__(self, profile: Profile, channel: tuple[str, str]) -> None:
        installed = profile.installed
        known = {} if installed.version is None else {installed.digest: installed.version}
        self.profile = profile
        self.channel = channel
        self.key = "/".join(channel)
        self.start = 1
        self.boots = 1
        self.powered = True
        self.due: datetime | None = None
        self.stage = Stage.IDLE
        self.update: Update | None = None
        self.wait: Wait | None = None
        self.outcome: Step | None = None
        self.failure: Failure | None = None
        self.images = Images(installed.digest, versions=known)
        self.memory = Memory()
        self.quarantined: dict[str, Failure] = {}
        self._installed = 0
        self._before = 0
        self._tries: dict[str, int] = {}
        self._lost = False

    @property
    def boot_id(self) -> str:
        """The name of this boot."""
        return f"{self.profile.host}-boot-{self.boots}"

    @abstractmethod
    def _recheck(self, now: datetime) -> Told:
        """Look again at what was announced while nothing could supersede."""

    # What is known of an image

    def _note(self, update: Update) -> None:
        self._tries[update.digest] = max(self._tries.get(update.digest, 0), update.attempt)
        active = update.target.predicate.rollout.state is RolloutState.ACTIVE
        if active or update.digest not in self.images.versions:
            self.images.versions[update.digest] = update.version

    def _unfit(self, statement: ChannelStatement) -> Failure | None:
        if (failure := self.quarantined.get(statement.digest)) is not None:
            reason = f"this image was given up on before: {failure.reason}"
            return Failure(Code.IMAGE_QUARANTINED, reason, {"because": failure.code})
        profile = self.profile
        return judging.unfit(statement.predicate, profile.arch, profile.labels, self._installed)

    def _is_about(self, digest: str) -> bool:
        return self.stage is Stage.SETTLED and self.update is not None and self.update.digest == digest

    # Steps

    def _assess(self, now: datetime) -> Told:
        """Go on, or say what stands in the way."""
        update = self._busy()
        profile, accepted = self.profile, self.memory.sequence
        wait = judging.hindrance(update.target.predicate, accepted, profile.host, profile.labels, now)
        if wait is None and self.stage is Stage.STAGED:
            wait = self._window(update, now)
        if wait is not None:
            return self._keep_waiting(update, wait, now)
        return self._activate(now) if self.stage is Stage.STAGED else self._stage(now)

    def _window(self, update: Update, now: datetime) -> Wait | None:
        if not self.profile.does(Behaviour.WINDOW, update.version) or update.window_over:
            return None
        if self.wait is not None and self.wait.reason == "window" and self.wait.until is not None:
            update.window_over = self.wait.until <= now
            return None if update.window_over else self.wait
        opens = now + self.profile.pace.window
        return Wait("window", f"the next maintenance window opens at {opens:%H:%M:%S} UTC", opens)

    def _keep_waiting(self, update: Update, wait: Wait, now: datetime) -> Told:
        news = self.wait is None or self.wait.reason != wait.reason
        self.wait = wait
        again = now + _LOOK_AGAIN
        self.due = again if wait.until is None else min(again, wait.until + self.profile.pace.splay)
        return [telling.update_event(self, update, Step.WAITING, now, wait=wait)] if news else []

    def _stage(self, now: datetime, *, again: bool = False) -> Told:
        update = self._busy()
        self.stage, self.wait = Stage.STAGING, None
        update.quarter = 0
        update.marks.append((Step.STAGING, now))
        self.due = now + self.profile.pace.staging / _QUARTERS
        return [] if again else [telling.update_event(self, update, Step.STAGING, now)]

    def _staging(self, now: datetime) -> Told:
        update, profile = self._busy(), self.profile
        update.quarter += 1
        percent = 100 * update.quarter // _QUARTERS
        if update.quarter < _QUARTERS:
            self.due = now + profile.pace.staging / _QUARTERS
            told = percent in profile.quarters
            return [telling.update_event(self, update, Step.STAGING, now, percent=percent)] if told else []
        if profile.does(Behaviour.FAILS_STAGING, update.version):
            reason = f"no registry has {update.digest}"
            return self._abandon(Step.FAILED, now, Failure(Code.IMAGE_NOT_FOUND, reason))
        update.bytes_fetched += profile.image_bytes
        self.images.staged = update.digest
        self.stage, self.wait = Stage.STAGED, None
        update.marks.append((Step.STAGED, now))
        return [telling.update_event(self, update, Step.STAGED, now), *self._assess(now)]

    def _activate(self, now: datetime) -> Told:
        update, profile = self._busy(), self.profile
        self.stage, self.wait = Stage.ACTIVATING, None
        update.marks.append((Step.ACTIVATING, now))
        hangs = profile.does(Behaviour.HANGS, update.version)
        self.due = None if hangs else now + profile.pace.activating
        return [telling.update_event(self, update, Step.ACTIVATING, now)]

    def _activating(self, now: datetime) -> Told:
        update, profile = self._busy(), self.profile
        if profile.does(Behaviour.DROPS_OUT, update.version):
            self.powered, self._lost = False, True
            return []
        if not profile.reboots:
            self._switch(update.digest)
            return self._prove(now)
        self.stage = Stage.REBOOTING
        update.marks.append((Step.REBOOTING, now))
        self._go_down(now)
        return [telling.update_event(self, update, Step.REBOOTING, now)]

    def _prove(self, now: datetime) -> Told:
        update = self._busy()
        self.stage = Stage.PROVING
        update.marks.append((Step.PROVING, now))
        self.due = now + self.profile.pace.proving
        return [telling.update_event(self, update, Step.PROVING, now)]

    def _proving(self, now: datetime) -> Told:
        update = self._busy()
        if not self.profile.does(Behaviour.FAILS_HEALTH, update.version):
            return self._end(Step.SUCCEEDED, now)
        reason = f"units: app.service failed with {update.version}"
        self.failure = self.quarantined[update.digest] = Failure(Code.HEALTH_FAILED, reason)
        self.stage = Stage.ROLLING_BACK
        update.marks.append((Step.ROLLING_BACK, now))
        self.due = now + self.profile.pace.activating
        return [telling.update_event(self, update, Step.ROLLING_BACK, now, failure=self.failure)]

    def _rolling_back(self, now: datetime) -> Told:
        update = self._busy()
        if self.profile.reboots and self.images.current == update.digest:
            self._go_down(now)
            return []
        if self.images.current == update.digest and update.previous is not None:
            self.images.current, self.images.previous = update.previous, None
        self._installed = self._before
        return self._end(Step.ROLLED_BACK, now, self.failure)

    def _go_on(self, now: datetime) -> Told:
        """What comes next in the stage that the host is in."""
        match self.stage:
            case Stage.WAITING | Stage.STAGED:
                return self._assess(now)
            case Stage.STAGING:
                return self._staging(now)
            case Stage.ACTIVATING:
                return self._activating(now)
            case Stage.PROVING:
                return self._proving(now)
            case Stage.ROLLING_BACK:
                return self._rolling_back(now)
        return []

    def _go_down(self, now: datetime) -> None:
        self.powered = False
        self.due = now + self.profile.pace.reboot

    def _switch(self, digest: str) -> None:
        images = self.images
        images.current, images.previous, images.staged = digest, images.current, None

    def _resume(self, now: datetime) -> Told:
        """After a boot: what the disk holds says how it goes on."""
        update = self.update
        if update is None:
            return []
        match self.stage:
            case Stage.REBOOTING:
                self._switch(update.digest)
                return self._prove(now)
            case Stage.ROLLING_BACK:
                if update.previous is not None and self.images.current == update.digest:
                    self._switch(update.previous)
                return self._rolling_back(now)
            case Stage.WAITING:
                return self._assess(now)
            case Stage.STAGING | Stage.STAGED:
                # A power cut loses what was staged and not yet finalized.
                self.images.staged = None
                return self._stage(now, again=True)
            case Stage.ACTIVATING | Stage.PROVING:
                self.due = now + self.profile.pace.proving
        return []

    # Ends

    def _abandon(self, step: Step, now: datetime, failure: Failure) -> Told:
        self.images.staged = None
        return self._settle(step, now, failure)

    def _end(self, step: Step, now: datetime, failure: Failure | None = None) -> Told:
        return self._settle(step, now, failure) + self._recheck(now)

    def _settle(self, step: Step, now: datetime, failure: Failure | None = None) -> Told:
        update = self._busy()
        self._note(update)
        update.marks.append((step, now))
        predicate = update.target.predicate
        if step is Step.SUCCEEDED and predicate.rollout.state is RolloutState.ACTIVE:
            self._installed = predicate.sequence
        self.stage, self.outcome, self.failure = Stage.SETTLED, step, failure
        self.wait, self.due = None, None
        return [telling.update_event(self, update, step, now, failure=failure)]

    def _busy(self) -> Update:
        if self.update is None:
            raise AssertionError
        return self.update
