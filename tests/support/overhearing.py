"""Somebody who watches the agent on fakes: hears what its broker hears, and knows the truth beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.rig import FOLLOW, HOST, TOPICS, Rig
from tests.support.statements import a_statement
from tidegate_agent import machine
from tidegate_agent.update.states import (
    Outcome,
    Settled,
    Staged,
    Staging,
    Verifying,
    Waiting,
)
from tidegate_fleet.hosts import Fleet
from tidegate_fleet.progress import Progress
from tidegate_fleet.standing import Phase
from tidegate_fleet.words import HostEvent, read_host_message
from tidegate_schemas.status import HostStatus
from tidegate_wire.mqtt.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_agent.update.states import State
    from tidegate_schemas.statement import ChannelStatement

CHANNEL = (FOLLOW.product, FOLLOW.channel)
ENDS = {
    Outcome.SUCCEEDED: Phase.SUCCEEDED,
    Outcome.SUPERSEDED: Phase.SKIPPED,
    Outcome.CANCELLED: Phase.SKIPPED,
    Outcome.FAILED: Phase.FAILED,
    Outcome.REJECTED: Phase.FAILED,
    Outcome.ROLLED_BACK: Phase.FAILED,
}


def true_phase(state: State, statement: ChannelStatement) -> Phase:
    """How far a host in this state is with a release."""
    update = machine.update_of(state)
    if update is None:
        return Phase.PENDING
    if update.target.digest != statement.digest:
        moved_on = update.target.sequence > statement.predicate.sequence
        return Phase.SKIPPED if moved_on else Phase.PENDING
    return _phase(state.before if isinstance(state, Verifying) else state)


def _phase(state: State) -> Phase:
    match state:
        case Settled():
            return ENDS[state.outcome]
        case Waiting():
            return Phase.WAITING
        case Staging() | Staged():
            waits = isinstance(state, Staged) and state.wait is not None
            return Phase.WAITING if waits else Phase.STAGING
        case _:
            return Phase.ACTIVATING


class WatchedRig(Rig):
    """A rig that is watched at every step of its agent: what is counted has to be the truth each time.

    Attributes:
        fleet: what was heard.
        checks: how often it was compared.
        phases: the phases that were seen, without repetition.
    """

    def equip(self) -> None:
        """Begin to watch before the agent does anything."""
        self.fleet = Fleet()
        self.checks = 0
        self.phases: list[Phase] = []
        self._heard = 0
        self.watch_release(a_statement())

    def watch_release(self, statement: ChannelStatement) -> None:
        """Count for this release from now on."""
        self.progress = Progress(self.fleet, statement)
        self.fleet.watch(self.progress)

    def step(self) -> bool:
        """One call of the agent, and a look at what came of it."""
        ran = super().step()
        if ran:
            self.compare()
        return ran

    def words(self, since: int = 0) -> Iterator[HostEvent | HostStatus]:
        """What the host said, as a watcher reads it."""
        for sent in self.broker.published[since:]:
            message = Message(sent.topic, sent.payload, retained=False, properties=tuple(sent.properties))
            heard = read_host_message(message, TOPICS)
            assert isinstance(heard, HostEvent | HostStatus), sent
            yield heard

    def compare(self, now: datetime | None = None) -> None:
        """What is counted is the truth: by all that was said, and by what is retained alone."""
        moment = now or self.clock.now()
        for word in self.words(self._heard):
            self.fleet.take(word, moment)
        self._heard = len(self.broker.published)
        host = self.fleet.hosts.get(HOST)
        if host is None or not host.online:
            return
        truth = true_phase(self.follower.state, self.progress.statement)
        self.checks += 1
        assert self.phase(self.progress) is truth, self.follower.state
        assert self.phase(self.after_a_restart(moment)) is truth, self.follower.state
        if self.phases[-1:] != [truth]:
            self.phases.append(truth)

    def phase(self, progress: Progress) -> Phase:
        """Where the one host is counted."""
        place = progress.place(HOST)
        assert place is not None
        assert progress.counts == {place: 1}
        return place[1]

    def after_a_restart(self, now: datetime) -> Progress:
        """What somebody knows who begins to watch now."""
        fleet = Fleet()
        topic = TOPICS.status(HOST)
        message = Message(topic, self.broker.retained[topic], retained=True)
        heard = read_host_message(message, TOPICS)
        assert isinstance(heard, HostStatus)
        fleet.take(heard, now)
        return Progress(fleet, self.progress.statement)
