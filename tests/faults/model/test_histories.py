"""The real agent through histories that hypothesis thinks of: everything that the model has, and the broker.

Whatever happens, no promise is broken while it does; and once it is over the update has ended, the host rests
on a healthy image that is the next boot's too and does what it was told last, nothing watches or holds a lock
any more, every event is told, and no good image was given up on for nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.faults.extent import everything
from tests.faults.model.torn import METHODS, PowerCut, TornRig
from tests.support.rig import FOLLOW
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.errors import EngineError
from tidegate_agent.machine.rules import Rules
from tidegate_agent.model import ImageStatus
from tidegate_agent.update.states import Activating, Idle, Outcome, Rebooting, Settled
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY: Final = EngineError(Code.ENGINE_BUSY, "a transaction is in progress", retryable=True)
PACES: Final = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 600, 3600))
DIGESTS: Final = st.sampled_from([OLD, NEW, NEWER])
BOOTS: Final = 2 * Rules().reboots + 2
THROUGH_WITH_IT: Final = {Outcome.FAILED, Outcome.CANCELLED, Outcome.ROLLED_BACK, Outcome.REJECTED}


class Histories(RuleBasedStateMachine):
    """One host, what happens to it, and what may be held against each image."""

    def __init__(self) -> None:
        super().__init__()
        self.sequence, self.reboots, self.sent = 0, 0, list[bytes]()
        self.said: tuple[str, RolloutState] | None = None
        self.blamed: Counter[str | None] = Counter()
        self.lost: Counter[str] = Counter()
        self.ordered_back: set[str | None] = set()

    @initialize(bad=st.sets(st.sampled_from([NEW, NEWER])), dead=st.sets(st.sampled_from([NEW, NEWER])))
    def begin(self, bad: set[str | None], dead: set[str | None]) -> None:
        self.dead = dead
        self.rig = TornRig(bad)

    # What happens

    @rule(digest=DIGESTS, rollout=st.sampled_from(list(RolloutState)), settled=st.booleans())
    def publish(self, digest: str, rollout: RolloutState, settled: bool) -> None:  # noqa: FBT001 - drawn
        self.sequence, self.said = self.sequence + 1, (digest, rollout)
        fields: dict[str, Any] = {"sequence": self.sequence, "rollout": Rollout(seed="seed", state=rollout)}

        def say() -> None:
            self.sent.append(self.rig.announce(digest, settle=False, **fields))
            if settled:
                self.rig.settle()

        self.do(say)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.sent))
        self.do(lambda: self.rig.say(old))

    @rule()
    def lie(self) -> None:
        self.do(lambda: self.rig.say(b"nobody signed this"))

    @rule()
    def broker_goes(self) -> None:
        self.rig.broker.sever()

    @rule(emptied=st.booleans())
    def broker_comes(self, emptied: bool) -> None:  # noqa: FBT001 - drawn
        self.rig.broker.sever()
        if emptied:
            self.rig.broker.wipe()
        self.rig.broker.up()
        self.do(self.rig.settle)

    @rule(held=st.booleans())
    def acknowledgements(self, held: bool) -> None:  # noqa: FBT001 - drawn
        self.rig.broker.hold_acks = held
        if not held:
            self.rig.broker.release_acks()
            self.do(self.rig.settle)

    @rule(calls=st.integers(1, 40))
    def light_the_fuse(self, calls: int) -> None:
        self.rig.fuse.left = calls

    @rule(count=st.integers(1, 6), worker=st.booleans())
    def go_on(self, count: int, worker: bool) -> None:  # noqa: FBT001 - drawn
        self.do(lambda: self.rig.work(count) if worker else [self.rig.step() for _ in range(count)])

    @rule(pace=st.sampled_from(PACES))
    def time_passes(self, pace: timedelta) -> None:
        self.do(lambda: self.rig.advance(pace))

    @rule()
    def agent_is_killed(self) -> None:
        self.do(self.rig.restart)

    @rule(refusal=st.sampled_from([None, "a backup is running"]))
    def reboots_are_refused(self, refusal: str | None) -> None:
        self.rig.host.refusal = refusal

    @rule(method=st.sampled_from(METHODS), times=st.integers(1, 3))
    def tools_are_busy(self, method: str, times: int) -> None:
        self.rig.engine.fail(method, *[BUSY] * times)

    @rule(power_cut=st.booleans())
    def boot(self, power_cut: bool) -> None:  # noqa: FBT001 - drawn
        if power_cut or self.due:
            self.do(lambda: self.come_up(power_cut=power_cut))

    @rule()
    def guard_goes_off(self) -> None:
        left = self.rig.true_guard.go_off()
        if left is not None:
            self.blamed[left] += 1
            self.do(self.come_up)

    @rule(order=st.sampled_from(["cancel", "rollback", "hold", "resume"]))
    def a_person_orders(self, order: str) -> None:
        if order == "rollback":
            self.ordered_back.add(self.rig.engine.disk.status.current)
        self.do(lambda: self.rig.ask(order))

    @invariant()
    def no_promise_is_broken(self) -> None:
        if hasattr(self, "rig"):
            assert self.rig.watch.broken == []

    # How it goes on

    @property
    def due(self) -> bool:
        """Whether a reboot was accepted and did not come yet."""
        return len(self.rig.host.reboots) > self.reboots

    def do(self, what: Callable[[], object]) -> None:
        """Do something, and come up again as often as the power fails meanwhile."""
        while True:
            try:
                what()
            except PowerCut:
                what = lambda: self.come_up(power_cut=True)  # noqa: E731
            else:
                return

    def come_up(self, *, power_cut: bool = False) -> None:
        """The host boots, into the image whose turn it is unless that does not come up."""
        disk = self.rig.engine.disk
        order = [disk.status.current, disk.status.previous]
        if disk.armed and not power_cut:
            order = [disk.status.staged, disk.status.current]
        elif disk.status.rollback_queued:
            order.reverse()
        falls_back = order[0] in self.dead and order[1] is not None
        self.blamed[order[0]] += falls_back
        state = self.rig.state
        self.rig.engine.reboot(power_cut=power_cut, falls_back=falls_back)
        if isinstance(state, Activating | Rebooting):
            self.lost[state.update.target.digest] += disk.status.current != state.update.target.digest
        self.reboots = len(self.rig.host.reboots)
        self.rig.host.boot()
        self.rig.clock.boot()
        self.rig.restart()

    # How it ends

    def teardown(self) -> None:
        if hasattr(self, "rig"):
            self.calm_down()
            self.no_promise_is_broken()
            self.check()

    def calm_down(self) -> None:
        """Nothing happens any more but what was asked for, for some days; the newest word is there again."""
        rig = self.rig
        rig.fuse.left, rig.host.refusal, rig.broker.hold_acks = 0, None, False
        rig.engine.recover()
        rig.broker.release_acks()
        rig.broker.up()
        rig.ask("resume")
        if self.said is not None and self.said[1] is RolloutState.HELD:
            self.publish(self.said[0], RolloutState.ACTIVE, settled=True)
        elif self.sent:
            rig.say(self.sent[-1])
        boots = rig.host.boots
        for _ in range(40):
            if self.due:
                self.come_up()
            else:
                rig.advance(timedelta(hours=3))
        assert rig.host.boots - boots <= BOOTS

    def check(self) -> None:
        rig, disk, state = self.rig, self.rig.engine.disk, self.rig.state
        assert isinstance(state, Idle | Settled)
        assert disk.status.current not in rig.bad | self.dead
        assert (disk.armed, disk.status.rollback_queued) == (False, False)
        assert rig.true_guard.armed is None
        assert rig.slots.holders == set()
        self.check_what_was_told()
        if isinstance(state, Settled) and state.outcome is Outcome.SUCCEEDED:
            assert disk.status.current == state.update.target.digest
        given_up = set(rig.journal.quarantined(FOLLOW))
        for digest in given_up - rig.bad - self.dead - self.ordered_back:
            assert self.blamed[digest] or self.lost[digest] >= Rules().reboots
        if self.said is not None and self.said[1] is RolloutState.ACTIVE and self.said[0] not in given_up:
            assert isinstance(state, Settled)
            through = state.update.target.digest == self.said[0] and state.outcome in THROUGH_WITH_IT
            assert through or disk.status.current == self.said[0]

    def check_what_was_told(self) -> None:
        """Every event of the journal is with the broker, in its order, and says the same each time."""
        told: dict[str, object] = {}
        for event in self.rig.events():
            assert told.setdefault(event.id, event.data) == event.data
        history = [event.id for event in self.rig.journal.history(100_000)][::-1]
        assert [each for each in told if each in set(history)] == history


TestHistories: Final = pytest.mark.timeout(3_600)(Histories.TestCase)
TestHistories.settings = settings(
    max_examples=2_000 if everything() else 40,
    stateful_step_count=40 if everything() else 25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_a_third_image_that_somebody_brought_up_stays() -> None:
    """The host is theirs: what runs is not left, and the update that it took the place of has ended."""
    rig = TornRig(set())
    rig.announce(NEW, sequence=1)
    rig.engine.reboot(ImageStatus(NEWER, None, OLD))
    rig.host.boot()
    rig.restart()
    assert isinstance(rig.state, Settled)
    assert rig.engine.disk.status.current == NEWER
    assert rig.watch.broken == []
