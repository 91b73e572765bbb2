"""What refers to an image, asked of every image source, and what is attached to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.contract.test_image_source import archive_of
from tests.fakes.pacing import FakeTime
from tests.fakes.registry import fake_registry
from tests.support.attaching import (
    BUNDLE_V03,
    Artifact,
    RegistryPusher,
    artifact,
    attach_to_layout,
    attach_to_registry,
    cosign2_manifest,
    fallback_tag,
    put_in_layout,
)
from tests.support.images import describe, image, write_layout
from tests.support.registries import RealRegistry
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import fetch_attachments
from tidegate_wire.registry.media_types import OCI_MANIFEST
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.referrers import MAX_REFERRERS
from tidegate_wire.registry.settings import RegistrySettings
from tidegate_wire.registry.simple_signing import SimpleSigning, fetch_simple_signing, legacy_signature
from tidegate_wire.registry.source import ImageSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


IMAGE = image({"a": b"1"})
OTHER = image({"a": b"2"})
ABOUT_IMAGE = describe(IMAGE.manifest, OCI_MANIFEST)
SBOM = "application/spdx+json"


@dataclass(frozen=True)
class World:
    """A place with two images, which things can be attached to, and the source on it."""

    attach: Callable[[str, bytes, str], str]
    put: Callable[[Artifact, str | None], None]
    source: Callable[[], ImageSource]


@contextlib.contextmanager
def layout_world(folder: Path, *, packed: bool) -> Iterator[World]:
    layout = folder / "layout"
    write_layout(layout, {"v1": IMAGE.manifest, "v2": OTHER.manifest}, IMAGE.blobs | OTHER.blobs)

    def source() -> ImageSource:
        place = archive_of(layout) if packed else layout
        return open_source(parse_reference(f"oci:{place}"), RegistrySettings())

    yield World(
        lambda digest, content, kind: attach_to_layout(layout, digest, content, kind),
        lambda made, tag: put_in_layout(layout, made, tag),
        source,
    )


@contextlib.contextmanager
def registry_world(folder: Path, url: str) -> Iterator[World]:
    host = url.removeprefix("http://")
    conf = folder / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
    settings = RegistrySettings(registries_conf=conf)
    with RegistryPusher(url, "app") as pusher:
        for each, tag in ((IMAGE, "v1"), (OTHER, "v2")):
            for blob in each.blobs.values():
                pusher.put_blob(blob)
            pusher.put_manifest(tag, each.manifest)

        def put(made: Artifact, tag: str | None) -> None:
            if tag is None:
                pusher.put_artifact(made)
                return
            for blob in made.blobs:
                pusher.put_blob(blob)
            pusher.put_manifest(tag, made.manifest)

        yield World(
            lambda digest, content, kind: attach_to_registry(url, "app", digest, content, kind),
            put,
            lambda: open_source(parse_reference(f"{host}/app"), settings, FakeTime().pacing(settings.limits)),
        )


KINDS = [
    "layout",
    "archive",
    "registry with referrers",
    "registry with pages",
    "registry without referrers",
    pytest.param("docker-registry", marks=pytest.mark.real("docker-registry")),
]
PAGE_SIZES = {"registry with referrers": 100, "registry with pages": 10, "registry without referrers": None}


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        if request.param in ("layout", "archive"):
            made = layout_world(tmp_path, packed=request.param == "archive")
        elif request.param == "docker-registry":
            real = stack.enter_context(RealRegistry(tmp_path))
            made = registry_world(tmp_path, f"http://{real.host}")
        else:
            fake = stack.enter_context(fake_registry())
            fake.page_size = PAGE_SIZES[request.param]
            made = registry_world(tmp_path, fake.url)
        yield stack.enter_context(made)


def test_nothing_refers_to_a_bare_image(world: World) -> None:
    assert world.source().referrers(IMAGE.digest, BUNDLE_V03) == ()


def test_nothing_refers_to_an_image_that_nobody_has(world: World) -> None:
    assert world.source().referrers(describe(b"nobody has this").digest, BUNDLE_V03) == ()


def test_what_is_no_digest_is_refused(world: World) -> None:
    with pytest.raises(TidegateError) as caught:
        world.source().referrers("sha256:../../etc", BUNDLE_V03)
    assert caught.value.code is Code.REFERENCE_INVALID


def test_what_refers_to_an_image_is_found_by_its_type(world: World) -> None:
    bundle = world.attach(IMAGE.digest, b"bundle", BUNDLE_V03)
    second = world.attach(IMAGE.digest, b"second bundle", BUNDLE_V03)
    sbom = world.attach(IMAGE.digest, b"sbom", SBOM)
    world.attach(OTHER.digest, b"other bundle", BUNDLE_V03)
    found = world.source().referrers(IMAGE.digest, BUNDLE_V03)
    assert [entry.digest for entry in found] == [bundle, second]
    assert {entry.artifact_type for entry in found} == {BUNDLE_V03}
    (other,) = world.source().referrers(IMAGE.digest, SBOM)
    assert (other.digest, other.size > 0) == (sbom, True)


def test_as_many_as_the_limit_are_given(world: World) -> None:
    digests = [world.attach(IMAGE.digest, b"%d" % number, BUNDLE_V03) for number in range(MAX_REFERRERS + 2)]
    found = world.source().referrers(IMAGE.digest, BUNDLE_V03)
    assert [entry.digest for entry in found] == digests[:MAX_REFERRERS]


def test_what_is_attached_is_fetched(world: World) -> None:
    world.attach(IMAGE.digest, b"bundle", BUNDLE_V03)
    world.attach(IMAGE.digest, b"second bundle", BUNDLE_V03)
    world.attach(OTHER.digest, b"other bundle", BUNDLE_V03)
    found = fetch_attachments(world.source(), IMAGE.digest, BUNDLE_V03)
    assert (found.contents, found.skipped) == ((b"bundle", b"second bundle"), ())


def test_an_artifact_is_typed_by_its_config_when_it_has_no_type(world: World) -> None:
    config = {**artifact_config(), "mediaType": BUNDLE_V03}
    world.put(artifact(ABOUT_IMAGE, b"bundle", BUNDLE_V03, artifactType=None, config=config), None)
    assert fetch_attachments(world.source(), IMAGE.digest, BUNDLE_V03).contents == (b"bundle",)


def artifact_config() -> dict[str, object]:
    empty = describe(b"{}")
    return {"digest": empty.digest, "size": empty.size}


def test_signatures_of_cosign_2_are_found_under_their_tag(world: World) -> None:
    tag = f"{fallback_tag(IMAGE.digest)}.sig"
    assert not legacy_signature(world.source(), IMAGE.digest)
    assert fetch_simple_signing(world.source(), IMAGE.digest) == ()
    world.put(cosign2_manifest((b"payload", b"first"), (b"payload", b"second")), tag)
    assert legacy_signature(world.source(), IMAGE.digest)
    assert fetch_simple_signing(world.source(), IMAGE.digest) == (
        SimpleSigning(b"payload", b"first", has_certificate=False),
        SimpleSigning(b"payload", b"second", has_certificate=False),
    )
    assert not legacy_signature(world.source(), OTHER.digest)
