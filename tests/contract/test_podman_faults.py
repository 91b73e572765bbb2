"""The podman engine when the unit does not come up, when it is killed, and when podman complains."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.idlers import FAILS
from tests.support.podman_host import PLAIN_UNIT, UNIT
from tests.support.podman_process import run_podman_engine
from tests.support.podman_site import PodmanSite
from tests.support.proxy import CuttableProxy, Gate
from tests.support.registries import htpasswd
from tidegate_agent.engines.podman.times import Times
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.model import StageProgress

pytestmark = [pytest.mark.real("podman"), pytest.mark.real("crun"), pytest.mark.real("docker-registry")]

POINTS = 6


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PodmanSite]:
    with PodmanSite(tmp_path) as site:
        yield site


def failure(site: PodmanSite, digest: str) -> TidegateError:
    """What activating ends with."""
    with pytest.raises(TidegateError) as caught:
        site.engine().activate(digest)
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


def test_what_nothing_points_to_any_more_is_removed_and_what_others_brought_stays(site: PodmanSite) -> None:
    digests = [site.build(f"{number}") for number in range(4)]
    site.host.run("pull", "--quiet", site.name(digests[0]))
    for digest in digests:
        site.update(digest)
    images = site.host.run("images", "--format", "{{.Digest}}").splitlines()
    assert set(images) == {digests[0], digests[2], digests[3]}


def test_pruning_takes_no_image_that_is_needed(site: PodmanSite) -> None:
    digests = [site.build(f"{number}") for number in range(3)]
    for digest in digests[:2]:
        site.update(digest)
    site.stage(digests[2])
    before = site.engine().status()
    site.host.run("image", "prune", "--force")
    assert site.engine().status() == before == ImageStatus(digests[1], digests[2], digests[0])
    tags = site.host.run("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    assert {digest.removeprefix("sha256:") for digest in digests} <= {tag.rpartition(":")[2] for tag in tags}
    assert sum(tag.startswith("localhost/tidegate/app-") for tag in tags) == len(digests)


def test_an_image_that_another_unit_needs_keeps_its_name(site: PodmanSite) -> None:
    first, second = site.build("1"), site.build("2")
    site.host.install(PLAIN_UNIT.replace("--name=app", "--name=other"), "other.service")
    site.stage(first)
    other = site.engine(unit="other.service", state=site.state.with_name("other"))
    other.stage(site.target(first), lambda _: None, lambda: False)
    other.activate(first)
    site.stage(second)
    assert other.status().current == first
    assert site.host.running() == [site.name(first)]
    other.stage(site.target(second), lambda _: None, lambda: False)
    other.activate(second)
    other.rollback(first)
    assert site.engine().status().staged == second
    site.engine().discard()
    assert set(site.host.run("images", "--format", "{{.Digest}}").splitlines()) == {first}


def test_an_image_that_was_removed_by_hand_is_not_staged_any_more(site: PodmanSite) -> None:
    first = site.build("1")
    site.stage(first)
    site.host.run("image", "rm", "--force", "--all")
    assert site.engine().status() == ImageStatus(None, None, None)
    error = failure(site, first)
    assert (error.code, "pruned" in error.reason) == (Code.ACTIVATE_REFUSED, True)
    site.update(first)
    assert site.engine().status().current == first


def test_a_pin_that_somebody_removed_is_no_current_image(site: PodmanSite) -> None:
    first = site.build("1")
    site.update(first)
    (site.host.units / f"{UNIT}.d" / "50-tidegate.conf").unlink()
    assert site.engine().status() == ImageStatus(None, None, None)
    site.update(first)
    assert site.engine().status() == ImageStatus(first, None, None)


def test_podmans_own_policy_has_the_last_word(site: PodmanSite) -> None:
    """containers-policy.json(5): what it rejects is not staged, whatever the announcement said."""
    policy = Path(site.host.environment["HOME"]) / ".config/containers/policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text('{"default": [{"type": "reject"}]}')
    with pytest.raises(TidegateError) as caught:
        site.stage(site.build("1"))
    assert caught.value.code is Code.IMAGE_SIGNATURE


def test_the_next_repository_is_asked_where_one_does_not_have_it(site: PodmanSite) -> None:
    first = site.build("1")
    host = site.registry.host
    target = site.target(first, f"{host}/elsewhere", f"{host}/app")
    site.engine().stage(target, lambda _: None, lambda: False)
    assert site.engine().status().staged == first


def test_an_image_for_another_machine_is_refused_before_podman_is_asked(site: PodmanSite) -> None:
    site.builder.arch = "arm64"
    with pytest.raises(TidegateError) as caught:
        site.stage(site.build("1"))
    assert caught.value.code is Code.IMAGE_PLATFORM
    assert site.host.run("images", "--quiet") == ""


def test_a_missing_podman_is_told_so(site: PodmanSite) -> None:
    first = site.build("1")
    site.stage(first)
    with pytest.raises(TidegateError) as caught:
        site.engine(podman=("/nonexistent/podman",)).status()
    assert caught.value.code is Code.ENGINE_MISSING


def test_a_registry_that_wants_credentials_gets_them_from_the_auth_file(tmp_path: Path) -> None:
    with PodmanSite(tmp_path) as open_site:
        digest = open_site.build("1")
        with open_site.guarded(htpasswd(tmp_path)) as registry:
            host = registry.host
            target = open_site.target(digest, f"{host}/app")
            open_site.host.believe(host)
            with pytest.raises(TidegateError) as caught:
                open_site.engine().stage(target, lambda _: None, lambda: False)
            assert caught.value.code is Code.IMAGE_UNAUTHORIZED
            auth = tmp_path / "auth.json"
            auth.write_text('{"auths": {"%s": {"auth": "ZmxlZXQ6c2VjcmV0"}}}' % host)  # noqa: UP031 - braces
            engine = open_site.engine(auth_file=auth)
            assert engine.stage(target, lambda _: None, lambda: False).digest == digest


def test_a_registry_that_falls_silent_is_given_up_for_now(site: PodmanSite) -> None:
    first = site.build("1")
    port = int(site.registry.host.rpartition(":")[2])
    gate = Gate(after=120_000)
    with CuttableProxy(port, gate) as proxy:
        host = f"localhost:{proxy.port}"
        site.host.believe(host)
        target = site.target(first, f"{host}/app")
        engine = site.engine(times=Times(stall=1.0, pull=60.0))
        seen: list[StageProgress] = []
        with pytest.raises(TidegateError) as caught:
            engine.stage(target, seen.append, lambda: False)
        assert caught.value.code is Code.ENGINE_TIMEOUT
        assert 0 < seen[-1].bytes_fetched < seen[-1].bytes_total
        assert site.engine().status() == ImageStatus(None, None, None)
        gate.open()
        assert engine.stage(target, lambda _: None, lambda: False).digest == first


def test_a_pull_that_is_cancelled_on_its_way_ends_podman_at_once(site: PodmanSite) -> None:
    first = site.build("1")
    gate = Gate(after=120_000)
    with CuttableProxy(int(site.registry.host.rpartition(":")[2]), gate) as proxy:
        host = f"localhost:{proxy.port}"
        site.host.believe(host)
        with pytest.raises(Cancelled):
            site.engine().stage(site.target(first, f"{host}/app"), lambda _: None, gate.held.is_set)
        assert list(site.state.glob("tidegate-pull-*")) == []
        gate.open()
