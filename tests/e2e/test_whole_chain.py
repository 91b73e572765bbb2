"""A signed release, announced over a real broker, becomes the running image; the host says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from tests.support.broker_kinds import Kind
from tests.support.site import site
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.site import Site
    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = [pytest.mark.real(name) for name in ("mosquitto", "nats-server", "rabbitmq-server")]

THROUGH = [Step.ACCEPTED, Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.PROVING, Step.SUCCEEDED]


def milestones(steps: list[Step]) -> list[Step]:
    """The steps without repetitions: staging tells of its progress."""
    return [step for index, step in enumerate(steps) if index == 0 or steps[index - 1] is not step]


@pytest.fixture(params=get_args(Kind))
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, sigstore: LocalSigstore) -> Iterator[Site]:
    """A site on each kind of broker."""
    with site(tmp_path, sigstore, request.param) as made:
        yield made


def test_two_updates_come_through_and_a_sick_one_is_taken_back(anywhere: Site) -> None:
    here, watcher = anywhere, anywhere.watcher
    v1, v2, v3 = here.images.release("1"), here.images.release("2"), here.images.sick_release("3")

    here.channel.announce(v1)
    watcher.wait_for(Step.SUCCEEDED, v1)
    assert here.version() == "1"

    here.channel.announce(v2)
    watcher.wait_for(Step.SUCCEEDED, v2)
    assert here.version() == "2"
    assert milestones(watcher.steps(v2)) == THROUGH

    here.channel.announce(v3)
    given_up = watcher.wait_for(Step.ROLLED_BACK, v3)
    assert given_up.data.code is Code.HEALTH_FAILED
    assert here.version() == "2"
    assert milestones(watcher.steps(v3)) == [*THROUGH[:-1], Step.ROLLING_BACK, Step.ROLLED_BACK]

    watcher.wait(lambda: watcher.status.follows[0].state == "rolled-back", "the status says it")
    told = watcher.status.follows[0]
    assert watcher.status.presence is Presence.ONLINE
    assert (told.current, told.quarantined, told.sequence) == (v2, (v3,), 3)
    assert here.host.follow() == told
    assert [event.id for event in here.host.history()] == [event.id for event in watcher.events]
    assert here.host.switches == [v1, v2, v3, v2]
