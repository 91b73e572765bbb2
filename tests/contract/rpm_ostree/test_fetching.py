"""What is fetched, from where, and what becomes of it when it cannot be had."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loguru import logger

from tests.contract.rpm_ostree.steps import failure, stage, update
from tests.support.rpm_ostree_site import REPOSITORY, RpmOstreeSite
from tidegate_agent.engines.reserve import Reserve
from tidegate_agent.errors import EngineError
from tidegate_agent.model import ImageStatus, StageProgress
from tidegate_schemas.codes import Code


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


def test_the_image_that_runs_is_not_staged_anew(site: RpmOstreeSite) -> None:
    """And what was to come instead of it does not come."""
    installed, first = site.engine().status().current, update(site, "1")
    stage(site.engine(), site.publish("2"))
    assert stage(site.engine(), site.publish("1")) == 0
    assert site.engine().status() == ImageStatus(first, None, installed)
    assert not site.engine().activate(first).reboot_required


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
