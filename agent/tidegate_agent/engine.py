"""The engine: one queue, one thread. Everything that happens to the agent is a call on this queue.

Network, timers and workers only put calls on the queue; one thread runs them and touches all state.
"""

from __future__ import annotations

import functools
import queue
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent import machine, reconciliation, reporting
from tidegate_agent.errors import JournalError
from tidegate_agent.fleet_slot import FleetSlot
from tidegate_agent.follower import Follower
from tidegate_agent.model import Failure, Follow, Outgoing, Protocol
from tidegate_agent.operations import failure_of
from tidegate_agent.outbox import Outbox
from tidegate_agent.reconciliation import Reconciliation
from tidegate_agent.records import WAITED_NOT, Change
from tidegate_agent.reporting import Birth
from tidegate_agent.request_desk import RequestDesk
from tidegate_agent.request_effects import RequestEffects
from tidegate_agent.sentences import motd_lines
from tidegate_agent.telling import News, Telling
from tidegate_agent.trouble import Trouble
from tidegate_schemas.codes import Code
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_agent.ports import Bus
    from tidegate_agent.records import Waited
    from tidegate_agent.requests import RequestPolicy
    from tidegate_agent.sealing import Sealing
    from tidegate_agent.surroundings import Followed, Surroundings
    from tidegate_agent.trust_upkeep import TrustUpkeep
    from tidegate_schemas.status import HostStatus
    from tidegate_schemas.topics import Topics

STATUS_TOKEN: Final = -1
"""The token of status messages: they are not in the outbox, the next one says it all again."""

LOOK_AGAIN: Final = timedelta(hours=1)
"""How often all that waits for a moment is looked at again, whether the clock was set or not."""

DISK_PAUSE: Final = timedelta(seconds=30)
"""How soon a step that the disk did not take is tried again."""


class Engine:
    """The agent without its adapters. `run` is its thread; the BusListener methods may be called from any."""

    def __init__(
        self,
        follows: Sequence[Followed],
        around: Surroundings,
        bus: Bus,
        topics: Topics,
        sealing: Sealing | None = None,
        upkeep: TrustUpkeep | None = None,
    ) -> None:
        self._around = around
        self._bus = bus
        self._life = around.journal.begin()
        self._connection = 0
        self._connected = False
        self.broker_failure: Failure | None = None
        self._trouble = Trouble()
        self._fault_told: Failure | None = None
        self._telling = Telling()
        host = around.profile.facts.host
        self._status_topic, self._will_topic = topics.status(host), topics.will(host)
        self._reconciliation = Reconciliation(around, bus)
        self._sealing = sealing
        self.upkeep = upkeep
        self._outbox = Outbox(around.journal, bus, topics.events(host), self._offer_again, sealing)
        self._slot = None if around.lock is None else FleetSlot(around.lock, around)
        self._followers = {
            topics.channel(f.follow.product, f.follow.channel): Follower(
                f, around, self.others_busy, self._slot
            )
            for f in follows
        }
        self._mailboxes = {topic: each.reception.mailbox for topic, each in self._followers.items()}
        self._requests_topic = topics.requests(host)
        self._desk = None if around.requests is None else self._request_desk(around.requests)

    def _request_desk(self, policy: RequestPolicy) -> RequestDesk:
        effects = RequestEffects(self._around, self.followers, self._bus.resubscribe, self._tell_anew)
        return RequestDesk(self._around, policy, effects, self._statements_wait)

    @property
    def followers(self) -> tuple[Follower, ...]:
        """One for each follow."""
        return tuple(self._followers.values())

    def start(self, waited: Waited = WAITED_NOT) -> None:
        """Go on from where the journal says, then listen; `waited` tells what came before it could be had."""
        if (account := self._around.downloads.account) is not None:
            account.watch(lambda: self._around.post(self._wake_all))
        for follower in self.followers:
            self.guarded(functools.partial(follower.start, crashed=self._life.crashed))
        if self._sealing is not None:
            self._sealing.begin()
        if self._desk is not None:
            self.guarded(self._desk.begin)
        for request in waited.requests:
            self._requested(request)
        self._bus.start(self, self.will)
        self._reconciliation.begin()
        self._around.timer.watch(lambda _: self._around.post(self._clock_set))
        self._look_after()
        if self.upkeep is not None:
            self.upkeep.begin(self._on_new_root)

    def stop(self) -> None:
        """Say goodbye and end the adapters' threads. What is in progress goes on at the next start."""
        for follower in self.followers:
            # Else a registry that answers slowly would hold the process up until it is killed.
            follower.interrupt()
        self._bus.stop(self._status_message(self._farewell()))
        self._around.timer.stop()
        self._attempt(self._around.journal.end, "end")

    def guarded(self, call: Callable[[], None]) -> None:
        """Run one call from the queue, then tell what came of it. Whatever it raises, the daemon lives."""
        self._attempt(call, f"retry {id(call)}")
        if self._around.journal.damage() is not None:
            self._attempt(self._mend, "retry to mend")
        self._attempt(self._follow_up, "retry to tell")
        if self._trouble.fault != self._fault_told:
            self._attempt(self._tell, "retry to tell")

    def _attempt(self, call: Callable[[], None], alarm: str) -> None:
        try:
            call()
            self._trouble.over(alarm)
        except JournalError as error:
            self._trouble.begins(alarm, error)
            logger.error("[{}] {}; trying again in {}", error.code, error.reason, DISK_PAUSE)
            self._around.timer.after(alarm, DISK_PAUSE, lambda: self._around.post(call))
        except Exception as error:  # noqa: BLE001 - a fault in one message must not end the service of all
            self._trouble.over(alarm)
            failure_of(error, Code.INTERNAL_ERROR)

    def _follow_up(self) -> None:
        self._give_turns()
        if self._desk is not None:
            self._desk.hear()
        if self._slot is not None:
            self._slot.settle(needed=any(follower.needs_slot for follower in self.followers))
        self._reconciliation.make_good(self._mailboxes)
        self._tell()

    def _mend(self) -> None:
        """Where a new journal was begun: write down in it where all stand, and tell the fleet."""
        damage = self._around.journal.damage()
        if damage is None:
            return
        for follower in self.followers:
            follower.write_anew()
        now = self._around.latest_known()
        event = reporting.damage_event(damage, self._around.profile, now)
        self._around.journal.commit(Change(None, events=(event,), damage_told=True))

    # BusListener: called on the bus's thread

    def connected(self, protocol: Protocol) -> None:
        """A connection is up."""
        self._around.post(lambda: self._on_connected(protocol))

    def disconnected(self, failure: Failure) -> None:
        """A connection is down or could not be made."""
        self._around.post(lambda: self._on_disconnected(failure))

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """A message came; anything may be in it."""
        if topic == self._requests_topic:
            self._requested(payload)
            return
        follower = self._followers.get(topic)
        # An empty one says that nothing is retained any more (MQTT 5.0, 3.3.1.3): that is no statement.
        if follower is None or not payload:
            return
        if follower.reception.mailbox.put(payload, retained=retained):
            self._around.post(follower.reception.hear)

    def _requested(self, payload: bytes) -> None:
        if payload and self._desk is not None:
            self._desk.receive(payload)

    def acknowledged(self, token: int) -> None:
        """The broker took a message over."""
        # That of a status counts, too: there may be room again for an event.
        self._around.post(lambda: self._outbox.acknowledged(token))

    def refused(self, token: int) -> None:
        """The broker did not take a message over."""
        self._around.post(lambda: self._outbox.refused(token))

    def will(self) -> Outgoing:
        """The last will of the connection that is about to be made."""
        self._connection += 1
        birth = Birth(self._life.number, self._connection)
        will = reporting.last_will(self._around.profile, birth, self._around.clock.now())
        return Outgoing(STATUS_TOKEN, self._will_topic, will.to_json(), retain=True)

    # On the engine's thread

    def others_busy(self, follow: Follow, to_activate: bool) -> bool:  # noqa: FBT001 - a port's plain callable
        """Whether another follow's update has to end first."""
        return any(
            machine.blocks_others(other.state, to_activate=to_activate)
            for other in self.followers
            if other.follow != follow
        )

    def status(self, *, full: bool = True) -> HostStatus:
        """The host's status now; unless `full` it says no more than the engine knows without its journal."""
        return self._status(Presence.ONLINE if self._connected else Presence.OFFLINE, full=full)

    def follower(self, key: str | None) -> Follower | None:
        """The follower of `product/channel`; the only one there is when no key is given."""
        if key is None:
            return self.followers[0] if len(self.followers) == 1 else None
        return next((f for f in self.followers if f.follow.key == key), None)

    def _on_connected(self, protocol: Protocol) -> None:
        self._connected = True
        self.broker_failure = None
        self._telling.anew()
        self._outbox.connected(protocol)
        self._tell_again_later()

    def _on_disconnected(self, failure: Failure) -> None:
        self.broker_failure = failure
        self._connected = False
        self._outbox.disconnected()

    def _wake_all(self) -> None:
        for follower in self.followers:
            follower.wake()

    def _offer_again(self, pause: timedelta) -> None:
        post, outbox = self._around.post, self._outbox
        self._around.timer.after("outbox", pause, lambda: post(outbox.try_again))

    def _tell_again_later(self) -> None:
        post, call = self._around.post, self._tell_again
        pause = reconciliation.EVERY + self._around.splay()
        self._around.timer.after("tell again", pause, lambda: post(call))

    def _tell_again(self) -> None:
        """Say again what the status is: something else may be retained, or nothing any more."""
        self._tell_anew()
        self._tell_again_later()

    def _on_new_root(self) -> None:
        """Judge again what is retained: another root may accept what was refused, and the reverse."""
        for follower in self.followers:
            follower.reception.mailbox.forget_all()
        self._bus.resubscribe()

    def _clock_set(self) -> None:
        """Look again at all that goes by the time of day."""
        self._reconciliation.clock_set()
        for follower in self.followers:
            follower.clock_set()

    def _look_after(self) -> None:
        # Whatever was decided by a clock that nobody believes any more is looked at again some time.
        self._around.timer.after("look again", LOOK_AGAIN, lambda: self._around.post(self._look_again))

    def _look_again(self) -> None:
        self._look_after()
        for follower in self.followers:
            follower.clock_set()

    def _give_turns(self) -> None:
        """Wake those that wait for another follow's update, once it is over."""
        for follower in self.followers:
            to_activate = follower.waits_for_turn()
            if to_activate is not None and not self.others_busy(follower.follow, to_activate):
                self._around.post(follower.wake)

    def _statements_wait(self) -> bool:
        return not all(follower.reception.idle for follower in self.followers)

    def _tell_anew(self) -> None:
        self._telling.anew()

    def _tell(self) -> None:
        """Show and publish the status if it changed, and whatever is in the outbox."""
        if not self._connected and self._around.board is None:
            return
        presence = Presence.ONLINE if self._connected else Presence.OFFLINE
        try:
            self._outbox.recount()
            status = self._status(presence, full=True)
        except JournalError as error:
            fault = reporting.fault_of(Failure(error.code, error.reason))
            self._show(self._status(presence).model_copy(update={"fault": fault}))
            raise
        self._fault_told = self._trouble.fault
        self._show(status)
        if self._connected:
            self._outbox.pump()

    def _show(self, status: HostStatus) -> None:
        if self._around.board is not None:
            self._around.board.show(list(motd_lines(status)))
        news = self._telling.news(status) if self._connected else News.NONE
        if news is News.NONE or (news is News.SEQUENCE and self._put_off()):
            return
        if self._bus.publish(self._status_message(self._telling.numbered(status))):
            self._telling.told(status)

    def _put_off(self) -> bool:
        """Whether what the whole fleet has to tell at this moment is told a little later."""
        if not self._telling.put_off and (pause := self._around.splay()):
            self._telling.put_off = True
            post, call = self._around.post, self._tell_anew
            self._around.timer.after("tell the sequence", pause, lambda: post(call))
        return self._telling.put_off

    def _farewell(self) -> HostStatus:
        return self._telling.numbered(self._status(Presence.OFFLINE, full=True))

    def _status(self, presence: Presence, *, full: bool = False) -> HostStatus:
        follows = tuple(reporting.follow_status(f.view()) for f in self.followers) if full else ()
        birth = Birth(self._life.number, self._connection)
        key = None if self._sealing is None else self._sealing.key_id
        now = self._around.clock.now()
        status = reporting.host_status(self._around.profile, birth, presence, now, follows, key)
        trust = self.upkeep.status() if full and self.upkeep is not None else None
        dropped = self._outbox.dropped if full else 0
        fault = reporting.fault_of(self._trouble.fault) if full else None
        return status.model_copy(update={"trust": trust, "events_dropped": dropped, "fault": fault})

    def _status_message(self, status: HostStatus) -> Outgoing:
        return Outgoing(STATUS_TOKEN, self._status_topic, status.to_json(), retain=True)


class Mainloop:
    """The queue and the loop that runs it."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def post(self, call: Callable[[], None]) -> None:
        """Queue a call. Thread-safe."""
        self._queue.put(call)

    def stop(self) -> None:
        """End the loop after the calls that are queued. Thread-safe, and safe in a signal handler."""
        self._queue.put(None)

    def run(self, engine: Engine) -> None:
        """Run queued calls until stopped."""
        while (call := self._queue.get()) is not None:
            engine.guarded(call)
