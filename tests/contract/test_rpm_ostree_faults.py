"""The rpm-ostree engine where rpm-ostree, its daemon or the host does what it should not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tests.support.rpm_ostree_site import REPOSITORY, TIMEOUTS, RpmOstreeSite, digest_of
from tests.support.standins.host import alive, deployment
from tidegate_agent.engines.finalizing import STAMP
from tidegate_agent.engines.reserve import Reserve
from tidegate_agent.errors import EngineError
from tidegate_agent.model import ImageStatus, ImageTarget, StageProgress
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.engines.rpm_ostree.engine import RpmOstreeEngine


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RpmOstreeSite]:
    site = RpmOstreeSite(tmp_path)
    try:
        yield site
    finally:
        site.close()


def stage(engine: RpmOstreeEngine, target: ImageTarget) -> int:
    return engine.stage(target, lambda _: None, lambda: False).bytes_fetched


def update(site: RpmOstreeSite, version: str) -> str:
    target = site.publish(version)
    stage(site.engine(), target)
    site.engine().activate(target.digest)
    site.host.boot()
    return target.digest


def failure(site: RpmOstreeSite, target: ImageTarget) -> EngineError:
    with pytest.raises(EngineError) as caught:
        stage(site.engine(), target)
    return caught.value


def test_an_image_is_pinned_to_its_digest_and_locked(site: RpmOstreeSite) -> None:
    target = site.publish("1")
    stage(site.engine(), target)
    staged = site.host.look()["staged"]
    assert staged["reference"] == f"ostree-unverified-image:registry:{REPOSITORY}@{target.digest}"
    assert site.host.lock_file.exists()


def test_the_image_policy_is_asked_where_it_is_set(site: RpmOstreeSite) -> None:
    target = site.publish("1")
    site.engine(image_policy=True).stage(target, lambda _: None, lambda: False)
    reference = site.host.look()["staged"]["reference"]
    assert reference == f"ostree-image-signed:docker://{REPOSITORY}@{target.digest}"


def test_the_engine_never_reboots(site: RpmOstreeSite) -> None:
    update(site, "1")
    assert "rebooted_by_itself" not in site.host.look()


def test_bytes_are_those_that_rpm_ostree_tells(site: RpmOstreeSite) -> None:
    assert stage(site.engine(), site.publish("1")) == 1_701_000
    seen: list[StageProgress] = []
    site.engine().stage(site.publish("2"), seen.append, lambda: False)
    # Told as 701.0 kB, 700.0 kB and 999 bytes: sizes come rounded.
    assert [(step.percent, step.bytes_fetched) for step in seen] == [(0, 0), (89, 700_000), (100, 701_000)]


def test_another_reference_is_tried(site: RpmOstreeSite) -> None:
    target = site.publish("1")
    twice = replace(target, references=("oci:/srv/release", *target.references))
    stage(site.engine(), twice)
    assert site.engine().status().staged == target.digest


def test_a_layout_is_refused_in_plain_words(site: RpmOstreeSite) -> None:
    error = failure(site, replace(site.publish("1"), references=("oci:/srv/release",)))
    assert error.code is Code.REFERENCE_INVALID
    assert "fetches from registries" in error.reason


def test_without_a_reference_it_says_so(site: RpmOstreeSite) -> None:
    assert failure(site, replace(site.publish("1"), references=())).code is Code.REFERENCE_INVALID


@pytest.mark.parametrize(
    ("text", "code", "retryable"),
    [
        (
            "reading manifest x in y: unauthorized: access to the resource is not authorized",
            Code.IMAGE_UNAUTHORIZED,
            False,
        ),
        ("pinging container registry y: dial tcp: lookup y: no such host", Code.IMAGE_UNREACHABLE, True),
        ("cryptographic signature verification failed: invalid signature", Code.IMAGE_SIGNATURE, False),
        ("something nobody has met", Code.STAGE_FAILED, True),
    ],
)
def test_what_the_registry_says_is_told_apart(
    site: RpmOstreeSite, text: str, code: Code, retryable: object
) -> None:
    site.host.fault("manifest", text)
    error = failure(site, site.publish("1"))
    assert (error.code, error.retryable) == (code, retryable)
    assert text in error.reason


def test_an_image_that_cannot_be_booted_is_final(site: RpmOstreeSite) -> None:
    site.host.fault("unbootable", value=True)
    error = failure(site, site.publish("1"))
    assert (error.code, error.retryable) == (Code.IMAGE_NOT_BOOTABLE, False)


def test_somebody_elses_transaction_is_waited_for(site: RpmOstreeSite) -> None:
    site.host.fault("busy", "install htop")
    error = failure(site, site.publish("1"))
    assert (error.code, error.retryable) == (Code.ENGINE_BUSY, True)
    assert "install htop" in error.reason
    site.host.fault("busy", None)
    stage(site.engine(), site.publish("1"))


def test_an_active_driver_is_a_conflict(site: RpmOstreeSite) -> None:
    site.host.fault("driver", "Zincati")
    assert failure(site, site.publish("1")).code is Code.ENGINE_CONFLICT


def test_a_rival_keeps_it_from_staging_and_from_activating(site: RpmOstreeSite) -> None:
    target = site.publish("1")
    stage(site.engine(), target)
    site.units.write_text(
        json.dumps({"rpm-ostreed-automatic.timer": ["active", "enabled"]}), encoding="utf-8"
    )
    assert failure(site, site.publish("2")).code is Code.ENGINE_CONFLICT
    with pytest.raises(EngineError) as caught:
        site.engine().activate(target.digest)
    assert caught.value.code is Code.ENGINE_CONFLICT
    assert site.host.lock_file.exists()


def test_a_daemon_that_starts_late_is_asked_again(site: RpmOstreeSite) -> None:
    site.host.fault("daemon", 2)
    assert site.engine().status().staged is None


def test_a_daemon_that_never_starts_is_a_timeout(site: RpmOstreeSite) -> None:
    site.host.fault("daemon", 3)
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_TIMEOUT, True)


def test_a_daemon_that_dies_changes_nothing(site: RpmOstreeSite) -> None:
    before, target = site.engine().status(), site.publish("1")
    site.host.fault("crash", value=True)
    error = failure(site, target)
    assert (error.code, error.retryable) == (Code.ENGINE_TIMEOUT, True)
    assert "journalctl" in error.reason
    site.host.fault("crash", value=None)
    assert site.engine().status() == before
    stage(site.engine(), target)


def test_a_registry_that_stalls_is_given_up_and_the_daemon_stopped(site: RpmOstreeSite) -> None:
    site.host.fault("stall", value=True)
    with pytest.raises(EngineError) as caught:
        site.engine(replace(TIMEOUTS, stall_s=1.0)).stage(site.publish("1"), lambda _: None, lambda: False)
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_TIMEOUT, True)
    assert not alive(site.host.look()["transaction"]["pid"])
    site.host.fault("stall", value=None)
    stage(site.engine(), site.publish("1"))


def test_cancelling_stops_the_daemon_too(site: RpmOstreeSite) -> None:
    site.host.fault("stall", value=True)
    with pytest.raises(Cancelled):
        site.engine().stage(site.publish("1"), lambda _: None, site.host.paused.exists)
    assert not alive(site.host.look()["transaction"]["pid"])
    site.host.fault("stall", value=None)
    assert site.engine().status().staged is None


def test_an_agent_that_was_killed_joins_the_staging_that_goes_on(site: RpmOstreeSite) -> None:
    target = site.publish("1")
    site.host.fault("pause", 1)
    agent = site.start_staging(target)
    agent.kill()
    agent.wait()
    daemon = site.host.look()["transaction"]["pid"]
    assert alive(daemon)
    assert failure(site, site.publish("2")).code is Code.ENGINE_BUSY
    site.go_on()
    stage(site.engine(), target)
    assert site.engine().status().staged == target.digest
    assert site.host.look()["transaction"]["pid"] == daemon


def test_discarding_stops_a_staging_that_goes_on(site: RpmOstreeSite) -> None:
    site.host.fault("pause", 1)
    agent = site.start_staging(site.publish("1"))
    agent.kill()
    agent.wait()
    site.engine().discard()
    site.go_on()
    assert site.host.look()["layers"] == {}
    assert site.engine().status().staged is None


@pytest.mark.parametrize(
    "output",
    ["", "null", "[]", "{}", '{"deployments": []}', '{"deployments": [{}]}', "[" * 100_000, "State: idle"],
)
def test_a_status_that_is_garbage_is_an_error(site: RpmOstreeSite, output: str) -> None:
    site.rpm_ostree.write_text(f"#!/bin/sh\nhead -c {len(output)} <<'END'\n{output}\nEND\n", encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_OUTPUT, True)


def test_a_status_without_end_is_an_error(site: RpmOstreeSite) -> None:
    site.rpm_ostree.write_text("#!/bin/sh\nexec yes\n", encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert caught.value.code is Code.ENGINE_OUTPUT


def test_a_program_that_is_missing_is_named(site: RpmOstreeSite) -> None:
    site.rpm_ostree.unlink()
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert caught.value.code is Code.ENGINE_MISSING
    assert str(site.rpm_ostree) in caught.value.reason


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


def test_layered_packages_stay_and_are_told(site: RpmOstreeSite) -> None:
    with site.host.change() as state:
        state["deployments"][0] |= {"packages": ["htop"], "removals": ["nano"]}
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    try:
        stage(site.engine(), site.publish("1"))
    finally:
        logger.remove(sink)
    assert any("htop, nano" in line for line in lines)
    assert site.host.look()["staged"]["packages"] == ["htop"]


def test_an_image_whose_origin_is_a_tag_has_its_manifests_digest(site: RpmOstreeSite) -> None:
    origin = f"ostree-unverified-registry:{REPOSITORY}:stable"
    with site.host.change() as state:
        state["deployments"][0] |= {"reference": origin, "manifest": digest_of("x")}
    assert site.engine().status().current == digest_of("x")


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


def test_the_image_that_runs_is_not_staged_anew(site: RpmOstreeSite) -> None:
    """And what was to come instead of it does not come."""
    installed, first = site.engine().status().current, update(site, "1")
    stage(site.engine(), site.publish("2"))
    assert stage(site.engine(), site.publish("1")) == 0
    assert site.engine().status() == ImageStatus(first, None, installed)
    assert not site.engine().activate(first).reboot_required


@pytest.mark.parametrize("reserve", [Reserve(2**60, 0), Reserve(0, 2**60)], ids=["boot", "store"])
def test_too_little_space_is_told_before_anything_is_fetched_or_unlocked(
    site: RpmOstreeSite, reserve: Reserve
) -> None:
    target = site.publish("1")
    stage(site.engine(), target)
    site.reserve = reserve
    assert failure(site, site.publish("2")).code is Code.DISK_FULL
    with pytest.raises(EngineError) as caught:
        site.engine().activate(target.digest)
    assert caught.value.code is Code.DISK_FULL
    assert site.host.is_locked(site.host.look())
    assert site.engine().status().staged == target.digest


def test_discarding_keeps_the_image_that_a_rollback_has_queued(site: RpmOstreeSite) -> None:
    """`rpm-ostree cleanup -p` would remove everything before the running one."""
    first, second = update(site, "1"), update(site, "2")
    site.engine().rollback(first)
    third = deployment("ostree-unverified-image:registry:x/y", digest_of("3"), [])
    site.host.stage(third, locked=False)
    site.engine().discard()
    assert site.engine().status() == ImageStatus(second, None, first, rollback_queued=True)


def test_other_stateroots_are_left_alone(site: RpmOstreeSite) -> None:
    with site.host.change() as state:
        other = deployment("ostree-unverified-image:registry:x/y", digest_of("other"), [])
        state["deployments"].append(other | {"osname": "other"})
    status = site.engine().status()
    assert status.previous is None


def test_a_staged_image_that_somebody_else_replaced_is_not_activated(site: RpmOstreeSite) -> None:
    stage(site.engine(), site.publish("1"))
    other = deployment(f"ostree-unverified-image:registry:{REPOSITORY}@{digest_of('2')}", digest_of("2"), [])
    site.host.stage(other, locked=True)
    with pytest.raises(EngineError) as caught:
        site.engine().activate(site.publish("1").digest)
    assert caught.value.code is Code.ACTIVATE_REFUSED
    assert site.host.lock_file.exists()
