"""Which deployment the next boot brings: locks, finalizing, the toggle, pins, fallbacks."""

from __future__ import annotations

import pytest

from tests.contract.rpm_ostree.steps import stage, update
from tests.support.rpm_ostree_site import REPOSITORY, RpmOstreeSite, digest_of
from tests.support.standins.host import deployment
from tidegate_agent.engines.finalizing import STAMP
from tidegate_agent.errors import EngineError
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError


def test_the_engine_never_reboots(site: RpmOstreeSite) -> None:
    update(site, "1")
    assert "rebooted_by_itself" not in site.host.look()


@pytest.mark.parametrize("fault", ["old_ostree", "metadata_lock"])
def test_the_lock_of_older_and_of_newer_releases_is_undone(site: RpmOstreeSite, fault: str) -> None:
    site.host.fault(fault, value=True)
    target = site.publish("1")
    stage(site.engine(), target)
    assert site.host.is_locked(site.host.look())
    site.engine().activate(target.digest)
    assert not site.host.is_locked(site.host.look())
    site.host.boot()
    assert site.engine().status().current == target.digest


def test_a_finalization_that_fails_leaves_the_old_image(site: RpmOstreeSite) -> None:
    first, target = update(site, "1"), site.publish("2")
    stage(site.engine(), target)
    site.engine().activate(target.digest)
    site.host.fault("finalize", value=True)
    site.host.boot()
    status = site.engine().status()
    assert (status.current, status.staged, status.fault) == (first, None, None)
    (site.boot / STAMP).parent.mkdir()
    (site.boot / STAMP).write_text("error: Installing kernel: No space left on device")
    assert "Installing kernel: No space left" in (site.engine().status().fault or "")


def test_an_installed_commit_can_be_gone_back_to(site: RpmOstreeSite) -> None:
    installed = site.engine().status().current
    assert installed == f"sha256:{site.host.look()['deployments'][0]['checksum']}"
    update(site, "1")
    site.engine().rollback(installed)
    site.host.boot()
    assert site.engine().status().current == installed


def test_a_pinned_deployment_is_not_taken_for_the_one_to_go_back_to(site: RpmOstreeSite) -> None:
    """`rpm-ostree rollback` moves the next one after the running one: here that would be the pinned one."""
    with site.host.change() as state:
        state["deployments"][0]["pinned"] = True
    first, second = update(site, "1"), site.publish("2")
    stage(site.engine(), second)
    site.engine().activate(second.digest)
    site.host.boot(falls_back=True)
    assert site.engine().status() == ImageStatus(first, None, second.digest, rollback_queued=True)
    site.engine().rollback(first)
    assert site.engine().status() == ImageStatus(first, None, second.digest)


def test_where_only_the_toggle_is_there_a_wrong_outcome_is_not_a_success(site: RpmOstreeSite) -> None:
    with site.host.change() as state:
        state["deployments"][0]["pinned"] = True
    first, second = update(site, "1"), site.publish("2")
    stage(site.engine(), second)
    site.engine().activate(second.digest)
    site.host.boot(falls_back=True)
    site.host.fault("old_ostree", value=True)
    with pytest.raises(TidegateError) as caught:
        site.engine().rollback(first)
    assert caught.value.code is Code.ROLLBACK_FAILED
    assert site.engine().status().rollback_queued


def test_after_a_fallback_the_same_image_can_be_staged_again(site: RpmOstreeSite) -> None:
    """A rebase to the reference of the first deployment is refused: old and new refs are equal."""
    first, second = update(site, "1"), site.publish("2")
    stage(site.engine(), second)
    site.engine().activate(second.digest)
    site.host.boot(falls_back=True)
    stage(site.engine(), second)
    assert site.engine().status() == ImageStatus(first, second.digest, second.digest)


def test_discarding_keeps_the_image_that_a_rollback_has_queued(site: RpmOstreeSite) -> None:
    """`rpm-ostree cleanup -p` would remove everything before the running one."""
    first, second = update(site, "1"), update(site, "2")
    site.engine().rollback(first)
    third = deployment("ostree-unverified-image:registry:x/y", digest_of("3"), [])
    site.host.stage(third, locked=False)
    site.engine().discard()
    assert site.engine().status() == ImageStatus(second, None, first, rollback_queued=True)


def test_a_staged_image_that_somebody_else_replaced_is_not_activated(site: RpmOstreeSite) -> None:
    stage(site.engine(), site.publish("1"))
    other = deployment(f"ostree-unverified-image:registry:{REPOSITORY}@{digest_of('2')}", digest_of("2"), [])
    site.host.stage(other, locked=True)
    with pytest.raises(EngineError) as caught:
        site.engine().activate(site.publish("1").digest)
    assert caught.value.code is Code.ACTIVATE_REFUSED
    assert site.host.lock_file.exists()
