"""What holds for every fleet, whatever fails, whoever interferes, and wherever the run is killed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.rollout import SimHost
from tests.support.rollouts import Stage, a_gated_release
from tidegate_publisher.operations import Operation
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import Outcome
from tidegate_publisher.rollout.thresholds import MILLION
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.gates import share_of
from tidegate_schemas.rollout import RolloutState, wave_of

if TYPE_CHECKING:
    from tidegate_schemas.statement import ChannelStatement

WAYS = ("well", "well", "well", "well", "ill", "silent", "gone")
FINAL = frozenset({Step.SUCCEEDED, Step.ROLLED_BACK})
GENEROUS = {"share": 1.0}


@st.composite
def fleets(draw: st.DrawFn) -> list[SimHost]:
    size = draw(st.integers(1, 24))
    return [
        SimHost(
            f"edge-{number}",
            {"site": f"s{draw(st.integers(0, 2))}", "ring": "canary" if number < 2 else "rest"},
            draw(st.sampled_from(WAYS)),
            draw(st.integers(1, 900)),
            online=draw(st.integers(0, 9)) > 0,
        )
        for number in range(size)
    ]


BUDGETS = st.sampled_from(
    [
        (),
        ({"at_most": 2},),
        ({"by": "site", "at_most": "40%"},),
        ({"labels": {"site": "s1"}, "at_most": 1}, {"at_most": "50%"}),
    ]
)


@st.composite
def releases(draw: st.DrawFn) -> Any:
    gate = {
        "success": draw(st.sampled_from([0.0, 0.5, 0.8, 1.0])),
        "minimum_hosts": draw(st.integers(0, 2)),
        "soak": timedelta(minutes=draw(st.sampled_from([0, 5]))),
        "timeout": timedelta(hours=2),
        "widen_every": timedelta(minutes=1),
        "failures": draw(st.sampled_from([GENEROUS, {"share": 0.3, "minimum": 3}, {"count": 2}])),
        "budget": draw(BUDGETS),
    }
    waves = (
        {"name": "canary", "labels": {"ring": "canary"}},
        {"name": "half", "fraction": 0.5},
        {"name": "all"},
    )
    return a_gated_release(waves, gate=gate, rollout={"timeout": timedelta(hours=5)})


@dataclass
class Witness:
    """Looks at every statement, and knows what hosts truly did.

    Attributes:
        stage: whose.
        stopped: whether anybody stopped the release.
    """

    stage: Stage
    by_hand: bool = False
    stopped: bool = False

    def look(self, statement: ChannelStatement) -> None:
        rollout = statement.predicate.rollout
        if self.stopped:
            assert rollout.state is not RolloutState.ACTIVE, "what was stopped goes on"
        self.stopped |= rollout.state is not RolloutState.ACTIVE
        if not self.by_hand:
            self._waves_in_order(statement)
            self._budgets(statement)

    def _waves_in_order(self, statement: ChannelStatement) -> None:
        plan = self.stage.plan()
        target = plan.target(statement.predicate.rollout.seed)
        waves = statement.predicate.rollout.waves
        for wave, announced, later in zip(plan.waves, waves, waves[1:], strict=False):
            if not later.open:
                continue
            assert announced.fraction == wave.fraction, "a wave was opened while the one before was not"
            members = [
                host
                for host in self.stage.hosts
                if (found := wave_of(target, host.name, host.labels)) and found.name == wave.name
            ]
            counted = [host for host in members if host.online or host.digest is not None]
            succeeded = sum(host.step is Step.SUCCEEDED for host in members)
            assert succeeded * MILLION >= wave.gate.success * len(counted), "a gate was not met"
            assert succeeded >= wave.gate.minimum_hosts, "a gate was not met"

    def _budgets(self, statement: ChannelStatement) -> None:
        rollout = statement.predicate.rollout
        for budget in self.stage.plan().budgets:
            size: Counter[str] = Counter()
            busy: Counter[str] = Counter()
            for host in self.stage.hosts:
                if any(host.labels.get(key) != value for key, value in budget.labels.items()):
                    continue
                group = host.labels[budget.by] if budget.by else ""
                size[group] += 1
                wave = wave_of(rollout, host.name, host.labels)
                admitted = wave is not None and is_open(wave, self.stage.clock.now())
                absent = not host.online and host.digest is None
                busy[group] += admitted and host.step not in FINAL and not absent
            for group, count in busy.items():
                assert count <= share_of(budget.at_most, size[group]), "a budget was overdrawn"


def lead(stage: Stage, kills: list[int]) -> Outcome:
    """A run that is killed now and then, and started anew."""
    for patience in [*kills, None]:
        end = stage.run(killed_after=patience)
        if end is not None:
            return end.outcome
    raise AssertionError


@settings(max_examples=40, deadline=None)
@given(releases(), fleets(), st.lists(st.integers(0, 60), max_size=4))
def test_no_wave_is_opened_before_its_time_and_no_budget_is_overdrawn(
    release: Any, hosts: list[SimHost], kills: list[int]
) -> None:
    stage = Stage(release, hosts)
    witness = Witness(stage)
    stage.park.watch = witness.look
    outcome = lead(stage, kills)
    state = stage.stands().predicate.rollout.state
    if outcome is Outcome.FAILED:
        assert state is RolloutState.HELD
    if outcome is Outcome.DONE:
        assert state is RolloutState.ACTIVE
        assert all(wave.open for wave in stage.stands().predicate.rollout.waves)


@settings(max_examples=15, deadline=None)
@given(fleets(), st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(0, 2**32))
def test_a_run_that_is_killed_comes_to_the_same_end(
    hosts: list[SimHost], kills: list[int], seed: int
) -> None:
    gate = {"failures": {"count": 3}, "success": 0.5, "ignore_offline": True, "timeout": timedelta(hours=4)}
    for host in hosts:
        # Those who never come to an end are found by their silence, which is a matter of time.
        host.way = "well" if host.way in {"silent", "gone"} else host.way
    release = a_gated_release(gate=gate, rollout={"seed": f"seed-{seed}", "timeout": timedelta(hours=20)})
    ends = []
    for plan in ([], kills):
        fresh = [SimHost(one.name, one.labels, one.way, one.takes_s, one.online) for one in hosts]
        stage = Stage(release, fresh)
        ends.append((lead(stage, plan), stage.stands().predicate.rollout.state))
    assert ends[0] == ends[1]


@settings(max_examples=40, deadline=None)
@given(
    releases(),
    fleets(),
    st.lists(
        st.tuples(
            st.integers(1, 4000),
            st.sampled_from([Operation.HOLD, Operation.PROMOTE, Operation.HEARTBEAT, Operation.REVOKE]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.integers(0, 60), max_size=3),
)
def test_what_an_operator_stops_stays_stopped(
    release: Any, hosts: list[SimHost], acts: list[tuple[int, Operation]], kills: list[int]
) -> None:
    stage = Stage(release, hosts)
    witness = Witness(stage, by_hand=True)
    stage.park.watch = witness.look

    def act(operation: Operation) -> None:
        try:
            stage.operate(operation)
        except TidegateError as error:
            # Nothing announced yet, or stopped already.
            assert error.code.partition(".")[0] in {"announce", "rollout"}  # noqa: PT017 -- in the middle of a run

    for seconds, operation in acts:
        stage.park.in_s(seconds, lambda operation=operation: act(operation))  # type: ignore[misc]
    outcome = lead(stage, kills)
    if witness.stopped:
        assert outcome in {Outcome.HELD, Outcome.REVOKED, Outcome.FAILED, Outcome.TIMED_OUT}
        assert stage.stands().predicate.rollout.state is not RolloutState.ACTIVE
