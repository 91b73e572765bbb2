"""What the podman engine keeps of podman's storage and gives back, and what a pull can come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.podman_host import PLAIN_UNIT, UNIT
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


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PodmanSite]:
    with PodmanSite(tmp_path) as site:
        yield site


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
    with pytest.raises(TidegateError) as caught:
        site.engine().activate(first)
    error = caught.value
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
