"""Registries and mirrors that refuse, break down, or hold something else than they list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, answering, fake_registry
from tests.support.attaching import (
    BUNDLE_V03,
    artifact,
    index_of,
)
from tests.support.images import describe, noise
from tests.support.pulling import IMAGE, mirror_of, pulling, wanting_token
from tests.support.referring import (
    ABOUT_IMAGE,
    BUNDLE,
    TAG,
    entry,
    list_refusal,
    listing,
    put_artifacts,
    referrers_of_image,
)
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import fetch_attachments
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_INDEX, OCI_MANIFEST
from tidegate_wire.registry.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.registry import Trick
    from tidegate_wire.registry.source import ImageSource


@pytest.mark.parametrize(("status", "code"), [(401, Code.IMAGE_UNAUTHORIZED), (403, Code.IMAGE_UNAUTHORIZED)])
@pytest.mark.parametrize("part", ["/referrers/", "/manifests/"])
def test_a_refusal_is_not_an_empty_list(
    registry: FakeRegistry, source: ImageSource, part: str, status: int, code: Code
) -> None:
    registry.always(part, answering(status))
    assert list_refusal(source).code is code


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("part", ["/referrers/", "/manifests/"])
def test_a_server_in_trouble_is_asked_again_and_is_not_an_empty_list(
    registry: FakeRegistry, source: ImageSource, time: FakeTime, part: str, status: int
) -> None:
    registry.always(part, answering(status))
    assert list_refusal(source).code is Code.IMAGE_UNREACHABLE
    assert len(registry.requests(part)) == Limits().attempts
    assert len(time.slept) == Limits().attempts - 1


def test_trouble_that_passes_is_survived(registry: FakeRegistry, source: ImageSource) -> None:
    registry.once("/referrers/", answering(503), listing(entry(1)))
    assert referrers_of_image(source) == [digest_of(b"1")]


def test_a_list_that_drips_is_given_up(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.always("/referrers/", listing(entry(1)))
    error = list_refusal(pulling(registry, tmp_path, FakeTime(step=61.0)))
    assert error.code is Code.IMAGE_UNREACHABLE
    assert "longer than 60 s" in error.reason


def test_a_registry_that_is_gone_is_not_an_empty_list(tmp_path: Path) -> None:
    with fake_registry() as registry:
        source = pulling(registry, tmp_path, FakeTime())
    assert list_refusal(source).code is Code.IMAGE_UNREACHABLE


def test_a_token_is_shown_for_the_list_too(
    registry: FakeRegistry, source: ImageSource, realm: FakeRegistry
) -> None:
    put_artifacts(registry, BUNDLE)
    registry.page_size = 10
    registry.always("/v2/app/", wanting_token("t1", realm.url))
    assert referrers_of_image(source) == [BUNDLE.digest]


@pytest.mark.parametrize("trick", [answering(404), listing(), answering(401)])
def test_a_mirror_without_the_list_is_passed_over(
    registry: FakeRegistry, tmp_path: Path, trick: Trick
) -> None:
    registry.manifests[TAG] = index_of([BUNDLE.entry])
    with fake_registry() as mirror:
        mirror.always("/referrers/", trick)
        source = pulling(registry, tmp_path, FakeTime(), mirror_of(mirror))
        assert referrers_of_image(source) == [BUNDLE.digest]


def test_a_mirror_does_not_say_for_its_primary_that_there_is_nothing(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.always("/referrers/", answering(500))
    with fake_registry() as mirror:
        mirror.always("/referrers/", listing())
        source = pulling(registry, tmp_path, FakeTime(), mirror_of(mirror))
        assert list_refusal(source).code is Code.IMAGE_UNREACHABLE


def test_what_mismatches_at_a_mirror_is_fetched_from_the_primary(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    put_artifacts(registry, BUNDLE)
    registry.page_size = 10
    with fake_registry() as mirror:
        mirror.always("/manifests/", answering(200, b"{}"))
        mirror.always("/blobs/", answering(200, b"BUNDLE"))
        source = pulling(registry, tmp_path, FakeTime(), mirror_of(mirror))
        assert fetch_attachments(source, IMAGE.digest, BUNDLE_V03).contents == (b"bundle",)


def test_one_wrong_attachment_does_not_hide_the_others(registry: FakeRegistry, source: ImageSource) -> None:
    forged = artifact(ABOUT_IMAGE, b"forged", BUNDLE_V03)
    gone = artifact(ABOUT_IMAGE, noise(20), BUNDLE_V03)
    other = artifact(describe(b"another image", OCI_MANIFEST), b"about another", BUNDLE_V03)
    put_artifacts(registry, forged, gone, other, BUNDLE)
    registry.blobs[digest_of(b"forged")] = b"FORGED"
    del registry.blobs[digest_of(noise(20))]
    entries = [made.entry for made in (forged, gone, other, BUNDLE)]
    registry.always("/referrers/", listing(entry(1), *entries))
    attached = fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert attached.contents == (b"bundle",)
    reasons = ["has no manifests/", "has the digest", "has no blobs/", "does not refer to"]
    assert [want in said for want, said in zip(reasons, attached.skipped, strict=True)] == [True] * 4


def test_an_attachment_that_cannot_be_asked_for_is_an_error(
    registry: FakeRegistry, source: ImageSource
) -> None:
    put_artifacts(registry, BUNDLE)
    registry.page_size = 10
    registry.once("/blobs/", *[answering(500)] * Limits().attempts)
    with pytest.raises(TidegateError) as caught:
        fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert caught.value.code is Code.IMAGE_UNREACHABLE
    assert fetch_attachments(source, IMAGE.digest, BUNDLE_V03).contents == (b"bundle",)


def test_a_part_of_a_list_that_nobody_asked_for_is_not_the_list(
    registry: FakeRegistry, source: ImageSource
) -> None:
    part = answering(206, index_of([]), Content_Type=OCI_INDEX, Content_Range="bytes 0-9/100")
    registry.always("/referrers/", part)
    assert list_refusal(source).code is Code.IMAGE_UNREACHABLE
