"""Who may make a host wait, and who may let it go on: its windows, its people, the publisher."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.site import Site, site
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")


def closed_for(duration: timedelta) -> dict[str, list[dict[str, datetime]]]:
    """A configuration in which nothing may be activated until then."""
    now = datetime.now(UTC)
    return {"blackout": [{"from": now - timedelta(hours=1), "until": now + duration}]}


@pytest.fixture
def closed(tmp_path: Path, sigstore: LocalSigstore) -> Iterator[Site]:
    """A site whose window does not open before the test is over."""
    with site(tmp_path, sigstore, tables=closed_for(timedelta(days=1))) as made:
        yield made


def awaits(here: Site, reason: str, digest: str) -> None:
    """Return when the image is staged and waits for that."""

    def waits() -> bool:
        now = here.watcher.status.follows
        return bool(now) and (now[0].waiting_for, now[0].staged) == (reason, digest)

    here.watcher.wait(waits, f"it waits for {reason}")


def test_an_update_is_staged_at_once_and_activated_when_the_window_opens(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore, tables=closed_for(timedelta(seconds=6))) as here:
        v1 = here.images.release("1")
        here.channel.announce(v1)
        waiting = here.watcher.wait_for(Step.WAITING, v1)
        activating = here.watcher.wait_for(Step.ACTIVATING, v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        assert waiting.data.waiting_for == "window"
        assert waiting.data.until is not None
        assert timedelta(0) <= activating.time - waiting.data.until < timedelta(seconds=5)
        assert here.watcher.steps(v1).index(Step.STAGED) < here.watcher.steps(v1).index(Step.WAITING)


def test_a_person_on_the_host_may_waive_the_window(closed: Site) -> None:
    v1 = closed.images.release("1")
    closed.channel.announce(v1)
    awaits(closed, "window", v1)
    shown = closed.host.command("status").stdout
    assert f"staged    {v1[:19]}" in shown
    assert "waits for window" in shown
    approved = closed.host.command("approve", "--now")
    assert (approved.returncode, approved.stdout) == (0, f"os/stable: {v1} is approved\n")
    closed.watcher.wait_for(Step.SUCCEEDED, v1)
    assert closed.version() == "1"


def test_the_publisher_holds_lets_go_on_and_withdraws(closed: Site) -> None:
    v1, v2 = closed.images.release("1"), closed.images.release("2")
    closed.channel.announce(v1)
    awaits(closed, "window", v1)
    closed.channel.announce(v1, state=RolloutState.HELD)
    awaits(closed, "hold", v1)
    closed.host.command("approve", "--now")
    closed.channel.announce(v1)
    closed.watcher.wait_for(Step.SUCCEEDED, v1)

    closed.channel.announce(v2)
    awaits(closed, "window", v2)
    closed.channel.announce(v2, state=RolloutState.REVOKED)
    ended = closed.watcher.wait_for(Step.CANCELLED, v2)
    assert ended.data.code is Code.ROLLOUT_REVOKED
    closed.watcher.wait(lambda: closed.watcher.status.follows[0].staged is None, "the space is given back")
    assert closed.version() == "1"
    assert not any(v2.removeprefix("sha256:") in path for path in closed.host.stored())


def test_a_heartbeat_is_no_news(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with site(tmp_path, sigstore) as here:
        v1 = here.images.release("1")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        before = here.watcher.steps()
        here.channel.announce(v1, version="1.0")
        here.watcher.wait(lambda: here.watcher.status.follows[0].sequence == 2, "it is taken note of")
        assert here.watcher.steps() == before
        assert here.host.switches == [v1]


def test_a_quarantined_image_is_left_alone_until_a_person_pardons_it(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore) as here:
        v1, sick = here.images.release("1"), here.images.sick_release("2")
        for digest, end in ((v1, Step.SUCCEEDED), (sick, Step.ROLLED_BACK)):
            here.channel.announce(digest)
            here.watcher.wait_for(end, digest)
        here.channel.announce(v1)
        here.watcher.wait(lambda: here.watcher.status.follows[0].sequence == 3, "v1 is announced again")
        here.channel.announce(sick)
        rejected = here.watcher.wait_for(Step.REJECTED, sick)
        assert rejected.data.code is Code.IMAGE_QUARANTINED
        assert here.host.command("approve", "--quarantined", sick).returncode == 0
        here.channel.announce(sick)
        here.watcher.wait(lambda: here.watcher.steps(sick).count(Step.ROLLED_BACK) == 2, "it is tried again")
        assert here.version() == "1"
