"""The podman engine killed at many moments: the old image or the new one runs, and all is made good."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.podman_process import run_podman_engine
from tests.support.podman_site import PodmanSite
from tidegate_agent.model import ImageStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [pytest.mark.real("podman"), pytest.mark.real("crun"), pytest.mark.real("docker-registry")]

POINTS = 6


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PodmanSite]:
    with PodmanSite(tmp_path) as site:
        yield site


def points(events: object) -> list[int]:
    """Some of the moments 1 to `events`, the last ones among them."""
    assert isinstance(events, int)
    return sorted({*range(1, events, max(1, events // POINTS)), events - 1, events})


def test_activation_killed_anywhere_leaves_the_old_or_the_new_image_and_is_made_good(
    site: PodmanSite,
) -> None:
    first, second = site.build("1"), site.build("2")
    site.update(first)
    site.stage(second)
    _, whole = run_podman_engine(site, "activate", second)
    for moment in points(whole["events"]):
        site.engine().rollback(first)
        site.stage(second)
        status, _ = run_podman_engine(site, "activate", second, kill_at=moment)
        assert status == -signal.SIGKILL, f"not killed at {moment}"
        after = site.engine().status()
        assert after in (ImageStatus(first, second, None), ImageStatus(second, None, first)), moment
        site.engine().activate(second)
        assert site.engine().status() == ImageStatus(second, None, first)
        assert site.host.running() == [site.name(second)]


def test_rollback_killed_anywhere_is_made_good(site: PodmanSite) -> None:
    first, second = site.build("1"), site.build("2")
    site.update(first)
    site.update(second)
    _, whole = run_podman_engine(site, "rollback", first)
    for moment in points(whole["events"]):
        site.update(second)
        status, _ = run_podman_engine(site, "rollback", first, kill_at=moment)
        assert status == -signal.SIGKILL, f"not killed at {moment}"
        assert site.engine().status().current in (first, second)
        site.engine().rollback(first)
        assert site.engine().status() == ImageStatus(first, None, None)
        assert site.host.running() == [site.name(first)]


def test_staging_killed_anywhere_leaves_nothing_behind(site: PodmanSite) -> None:
    first, second = site.build("1"), site.build("2")
    site.update(first)
    _, whole = run_podman_engine(site, "stage", second)
    ends = []
    for moment in points(whole["events"]):
        site.engine().discard()
        ends.append(run_podman_engine(site, "stage", second, kill_at=moment)[0])
        assert site.engine().status().staged in (None, second)
        site.engine().discard()
        assert site.engine().status() == ImageStatus(first, None, None)
        images = site.host.run("images", "--format", "{{.Digest}}").splitlines()
        assert set(images) == {first}
        assert sorted(path.name for path in site.state.iterdir()) == ["documents", "lock", "state.json"]
    # What podman leaves in its folder differs by a file now and then: the last moments may not come.
    assert ends[:POINTS] == [-signal.SIGKILL] * POINTS
