"""The podman engine when the unit does not come up, or does not run what it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.idlers import FAILS
from tests.support.podman_host import PLAIN_UNIT, UNIT
from tests.support.podman_site import PodmanSite
from tidegate_agent.engines.podman.times import Times
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [pytest.mark.real("podman"), pytest.mark.real("crun"), pytest.mark.real("docker-registry")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PodmanSite]:
    with PodmanSite(tmp_path) as site:
        yield site


def failure(site: PodmanSite, digest: str) -> TidegateError:
    """What activating ends with."""
    with pytest.raises(TidegateError) as caught:
        # A busy machine may see it up for a moment.
        site.engine(times=Times(start=90.0, settle=5.0)).activate(digest)
    return caught.value


def test_the_unit_is_pinned_and_runs_that_image(site: PodmanSite) -> None:
    first = site.build("1")
    site.update(first)
    pin = site.host.units / f"{UNIT}.d" / "50-tidegate.conf"
    assert f'Environment="TIDEGATE_IMAGE={site.name(first)}"\n' in pin.read_text()
    assert site.host.running() == [site.name(first)]


def test_an_image_that_does_not_come_up_leaves_the_old_one_running(site: PodmanSite) -> None:
    first, second = site.build("1"), site.build("2", FAILS)
    site.update(first)
    site.stage(second)
    error = failure(site, second)
    assert error.code is Code.ACTIVATE_FAILED
    assert error.reason.startswith(("app.service cannot be started", "app.service did not stay up"))
    assert site.engine().status() == ImageStatus(first, second, None)
    assert site.host.running() == [site.name(first)]


def test_a_first_image_that_does_not_come_up_leaves_no_pin(site: PodmanSite) -> None:
    first = site.build("1", FAILS)
    site.stage(first)
    assert failure(site, first).code is Code.ACTIVATE_FAILED
    assert site.engine().status() == ImageStatus(None, first, None)
    assert list((site.host.units / f"{UNIT}.d").iterdir()) == []
    assert site.host.running() == []


def test_a_unit_that_does_not_name_the_image_is_told_so(site: PodmanSite) -> None:
    first, second = site.build("1"), site.build("2")
    site.update(first)
    site.stage(second)
    site.host.install(PLAIN_UNIT.replace("${TIDEGATE_IMAGE}", site.name(first)))
    error = failure(site, second)
    assert error.code is Code.ACTIVATE_FAILED
    assert "does its command name ${TIDEGATE_IMAGE}" in error.reason
    assert site.engine().status().current == first


def test_another_drop_in_that_sets_the_image_is_found_before_the_restart(site: PodmanSite) -> None:
    first, second = site.build("1"), site.build("2")
    site.update(first)
    site.stage(second)
    container = site.host.run("ps", "--quiet")
    other = site.host.units / f"{UNIT}.d" / "90-mine.conf"
    other.write_text(f"[Service]\nEnvironment=TIDEGATE_IMAGE={site.name(first)}\n")
    error = failure(site, second)
    assert "has another TIDEGATE_IMAGE" in error.reason
    # Only the way back has restarted it.
    assert site.host.running() == [site.name(first)]
    assert site.host.run("ps", "--quiet") != container


def test_a_unit_that_is_not_installed_is_told_so(site: PodmanSite) -> None:
    first = site.build("1")
    site.stage(first)
    (site.host.units / UNIT).unlink()
    assert "is it installed" in failure(site, first).reason


def test_a_manager_that_was_not_told_to_read_again_would_run_the_old_image(site: PodmanSite) -> None:
    """The stand-in tells apart what systemd does: without daemon-reload the pin has no effect."""
    first, second = site.build("1"), site.build("2")
    site.update(first)
    site.stage(second)
    site.host.manage(ignore_reload=True)
    assert "has another TIDEGATE_IMAGE" in failure(site, second).reason


def test_an_image_that_ends_soon_after_its_start_is_not_taken_for_up(site: PodmanSite) -> None:
    site.host.install(PLAIN_UNIT.replace("[Service]", "[Service]\nRestart=always"))
    first = site.build("1", FAILS)
    engine = site.engine(times=Times(start=30.0, settle=2.0))
    engine.stage(site.target(first), lambda _: None, lambda: False)
    with pytest.raises(TidegateError) as caught:
        engine.activate(first)
    assert caught.value.code is Code.ACTIVATE_FAILED
    assert "did not stay up" in caught.value.reason or "does not run" in caught.value.reason
