from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fakes.publisher import fake_bundle
from tests.support.publishing import OS_STABLE, World
from tests.support.statements import NOON, a_statement
from tidegate_publisher.operations import Conditions, Operation
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, RolloutState, Wave
from tidegate_schemas.statement import parse_statement

if TYPE_CHECKING:
    from tidegate_publisher.announce import Outcome

TOMORROW = NOON + timedelta(days=1)
WAVES = (
    Wave(name="canary", fraction=0.01, labels={"ring": "canary"}, open=True),
    Wave(name="dawn", fraction=0.1, opens_at=NOON),
    Wave(name="tenth", fraction=0.2, opens_at=TOMORROW),
    Wave(name="rest"),
)


def rolling(*waves: Wave, state: RolloutState = RolloutState.ACTIVE) -> World:
    world = World()
    statement = a_statement(sequence=3, rollout=Rollout(seed="s", state=state, waves=waves))
    world.store.held[OS_STABLE] = fake_bundle(statement.to_json())
    return world


def promote(world: World, wave: str | None = None, **conditions: object) -> Outcome:
    wanted = Conditions(**conditions)  # type: ignore[arg-type]
    return world.operating.run(Operation.PROMOTE, *OS_STABLE, wanted, wave=wave)


def refused(world: World, wave: str | None = None, **conditions: object) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        promote(world, wave, **conditions)
    assert world.store.published == []
    return caught.value


@pytest.mark.parametrize(("wave", "opened"), [(None, 2), ("tenth", 2), ("rest", 3)])
def test_one_wave_is_opened_and_nothing_else_changes(wave: str | None, opened: int) -> None:
    world = rolling(*WAVES)
    before = world.stands().statement
    assert promote(world, wave).changed is True
    after = world.stands().statement
    expected = list(WAVES)
    expected[opened] = WAVES[opened].model_copy(update={"open": True})
    assert after.predicate.rollout == Rollout(seed="s", waves=tuple(expected))
    assert after.predicate.sequence == 4
    changed = {"sequence", "issued_at", "expires", "rollout"}
    assert after.predicate.model_dump(exclude=changed) == before.predicate.model_dump(exclude=changed)
    assert after.subject == before.subject


@pytest.mark.parametrize(
    ("waves", "wave", "told"),
    [
        (WAVES, "canary", "the wave canary is open already"),
        (WAVES, "dawn", "the wave dawn is open already"),
        (WAVES[:2], None, "all waves are open already"),
        ((), None, "the release has no waves: all may start"),
    ],
)
def test_what_is_open_is_not_opened_again(waves: tuple[Wave, ...], wave: str | None, told: str) -> None:
    world = rolling(*waves)
    assert promote(world, wave).changed is False
    assert world.signer.signed == []
    assert world.progress.notes[-1] == f"{told}; nothing was published"


def test_who_opens_a_later_wave_is_told_that_an_earlier_one_stays_closed() -> None:
    world = rolling(*WAVES)
    promote(world, "rest")
    assert "the wave rest opens; hosts of tenth still wait: closed" in world.progress.notes


@pytest.mark.parametrize(
    ("waves", "known"), [(WAVES, "its waves are canary, dawn, tenth, rest"), ((), "it has none")]
)
def test_an_unknown_wave_is_refused_with_those_that_are_known(waves: tuple[Wave, ...], known: str) -> None:
    error = refused(rolling(*waves), "everyone")
    assert error.code is Code.ROLLOUT_WAVE
    assert "'everyone'" in error.reason
    assert known in error.reason


@pytest.mark.parametrize(
    ("state", "code"), [(RolloutState.HELD, Code.ROLLOUT_HELD), (RolloutState.REVOKED, Code.ROLLOUT_FINAL)]
)
def test_a_release_that_does_not_spread_is_not_promoted(state: RolloutState, code: Code) -> None:
    assert refused(rolling(*WAVES, state=state)).code is code


def test_an_expired_statement_is_not_promoted_unasked() -> None:
    world = rolling(*WAVES)
    world.clock.set(NOON + timedelta(days=14))
    assert refused(world).code is Code.STATEMENT_EXPIRED
    assert promote(world, even_if_expired=True).changed is True


def test_the_expected_sequence_keeps_a_repetition_from_opening_one_more() -> None:
    world = rolling(*WAVES)
    promote(world, expected_sequence=3)
    with pytest.raises(TidegateError) as caught:
        promote(world, expected_sequence=3)
    assert caught.value.code is Code.ANNOUNCE_CONFLICT


def test_fields_of_a_newer_version_stay_in_waves_and_rollout() -> None:
    world = rolling(*WAVES)
    content = a_statement(sequence=3, rollout=Rollout(seed="s", waves=WAVES)).to_json()
    content = content.replace(b'"seed":', b'"pace":2,"seed":').replace(
        b'"name":"rest"', b'"name":"rest","soak":3'
    )
    world.store.held[OS_STABLE] = fake_bundle(content)
    promote(world, "rest")
    rollout = parse_statement(world.signer.signed[0]).predicate.rollout
    assert rollout.unknown() == {"pace": 2}
    assert rollout.waves[3].unknown() == {"soak": 3}
