"""What the host's own hook may do to a real agent: kill it, each time; or last longer than its patience."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import everything
from tests.faults.real import inspection
from tests.faults.real.ground import PATIENCE_S
from tests.faults.real.stories import Success
from tests.faults.real.telling import LONGEST_TEST_S, tell
from tests.support.waiting import wait_until
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.real.ground import Ground
    from tidegate_schemas.events import UpdateEvent

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(LONGEST_TEST_S)]

LIVES = 12
"""More than an update may cost, on its way there and back."""


@pytest.fixture
def ground(open_ground: Ground) -> Iterator[Ground]:
    """A host whose hook does harm; none any more afterwards."""
    yield open_ground
    open_ground.hook()


def live_until_over(ground: Ground, digest: str) -> tuple[int, UpdateEvent]:
    """Start the agent as often as it dies, as systemd does; how often it died, and the end of the update."""

    def final() -> bool:
        return any(e.data.step.final for e in ground.here.watcher.events if e.data.digest == digest)

    for died in range(LIVES):
        life = ground.ordinary_life()
        life.run_until(final, "the update is over, or the agent dead")
        if not life.ended():
            assert life.finish() == 0
            return died, [e for e in ground.here.watcher.events if e.data.digest == digest][-1]
        assert life.finish() == -signal.SIGKILL
    raise AssertionError(f"the agent died {LIVES} times, and goes on")


@pytest.mark.parametrize("way_back", ["open", "deadly"] if everything() else ["deadly"])
def test_an_image_whose_switch_kills_the_agent_is_given_up_and_the_agent_stays_up(
    way_back: str, ground: Ground
) -> None:
    before, digest = ground.current(), ground.release()
    ground.here.channel.announce(digest)
    ground.hook(
        "kill -9 $PPID" if way_back == "deadly" else f"[ $TIDEGATE_DIGEST = {before} ] || kill -9 $PPID"
    )
    died, end = live_until_over(ground, digest)
    ground.hook()
    assert (died, end.data.step.value) == {"open": (3, "rolled-back"), "deadly": (6, "failed")}[way_back]
    assert end.data.code in (Code.AGENT_KILLED, Code.ROLLBACK_FAILED)
    assert "the agent did not live through this step" in end.data.reason
    quarantined = inspection.rows(ground.state, "select digest from quarantine")
    assert (digest,) in quarantined
    cell = tell(Success(ground))
    assert not cell.faults


def test_an_agent_that_is_stopped_while_its_hook_runs_ends_soon_and_switches_once(ground: Ground) -> None:
    brake = ground.here.host.directory / "brake"
    brake.touch()
    ground.hook(f"touch {brake}.reached", f"while [ -e {brake} ]; do sleep 0.05; done")
    story = Success(ground)
    ground.known = inspection.children()
    story.begin()
    life = ground.ordinary_life()
    try:
        wait_until((brake.with_name("brake.reached")).exists, "the hook runs", 2 * PATIENCE_S)
        assert life.finish() == 0
    finally:
        life.abandon()
        brake.unlink()
    ground.here.host.start()
    story.resume()
    ground.await_told_all()
    ground.here.host.stop()
    assert not story.faults()
