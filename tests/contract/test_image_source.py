"""What every image source does, whatever lies behind it. One contract, so one file, if a long one."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import fake_registry
from tests.support.images import describe, image, noise, write_layout
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES, Descriptor
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.parsing import parse_config, parse_manifest
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings
from tidegate_wire.registry.source import Cancelled, ImageSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


BIG = noise(3 * 1024 * 1024 + 17)
IMAGE = image({"etc/os-release": b"ID=test\n"}, {"big": BIG})
HUGE = b'{"pad": "' + b"x" * MAX_MANIFEST_BYTES + b'"}'
MISSING = describe(b"nobody has this")


@dataclass(frozen=True)
class Subject:
    """A source, and what lies there that is not as it should be."""

    source: ImageSource
    forged: Descriptor
    shorter: Descriptor
    longer: Descriptor


def _wrong_blobs() -> dict[str, bytes]:
    """Blobs whose content is not what their digest says."""
    return {
        digest_of(b"forged"): b"FORGED",
        digest_of(b"shorter"): b"short",
        digest_of(b"longer"): b"longer and longer",
    }


def archive_of(layout: Path) -> Path:
    """A tar of a layout, as `tar -C layout -cf release.oci .` makes it."""
    archive = layout.with_suffix(".oci")
    with tarfile.open(archive, "w") as tar:
        tar.add(layout, arcname=".")
    return archive


@pytest.fixture(params=["registry", "layout", "archive"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    descriptors = [describe(content) for content in (b"forged", b"shorter", b"longer")]
    if request.param != "registry":
        folder = tmp_path / "layout"
        write_layout(folder, {"latest": IMAGE.manifest, "huge": HUGE}, IMAGE.blobs)
        for digest, content in _wrong_blobs().items():
            (folder / "blobs/sha256" / digest.removeprefix("sha256:")).write_bytes(content)
        if request.param == "archive":
            folder = archive_of(folder)
        yield Subject(open_source(parse_reference(f"oci:{folder}"), RegistrySettings()), *descriptors)
        return
    with fake_registry() as registry:
        registry.add(IMAGE.manifest, IMAGE.blobs | _wrong_blobs())
        registry.add(HUGE, {}, "huge")
        conf = tmp_path / "registries.conf"
        conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        reference = parse_reference(f"{registry.host}/app")
        settings = RegistrySettings(registries_conf=conf)
        yield Subject(open_source(reference, settings, FakeTime().pacing(settings.limits)), *descriptors)


def test_a_tag_resolves_to_the_digest_of_its_content(subject: Subject) -> None:
    assert subject.source.resolve("latest") == IMAGE.digest


def test_an_unknown_tag_is_not_found(subject: Subject) -> None:
    with pytest.raises(TidegateError) as caught:
        subject.source.resolve("v0")
    assert caught.value.code is Code.IMAGE_NOT_FOUND


def test_what_is_no_tag_is_refused_before_anything_is_asked(subject: Subject) -> None:
    with pytest.raises(TidegateError) as caught:
        subject.source.resolve("../blobs")
    assert caught.value.code is Code.REFERENCE_INVALID


def test_an_image_is_read_from_manifest_to_config(subject: Subject) -> None:
    manifest = parse_manifest(subject.source.manifest(IMAGE.digest), IMAGE.digest)
    assert manifest.layers == IMAGE.layers
    with subject.source.open_blob(manifest.config) as chunks:
        config = parse_config(b"".join(chunks), manifest.config)
    assert (config.architecture, len(config.rootfs.diff_ids)) == ("amd64", 2)


def test_an_unknown_manifest_is_not_found(subject: Subject) -> None:
    with pytest.raises(TidegateError) as caught:
        subject.source.manifest(MISSING.digest)
    assert caught.value.code is Code.IMAGE_NOT_FOUND


def test_an_oversized_manifest_is_refused(subject: Subject) -> None:
    with pytest.raises(TidegateError) as caught:
        subject.source.manifest(digest_of(HUGE))
    assert caught.value.code is Code.IMAGE_TOO_LARGE


@pytest.mark.parametrize("offset", [0, 1, 1024 * 1024, IMAGE.layers[1].size - 1])
def test_a_blob_is_read_from_any_offset(subject: Subject, offset: int) -> None:
    content = IMAGE.blobs[IMAGE.layers[1].digest]
    with subject.source.open_blob(IMAGE.layers[1], offset) as chunks:
        found = list(chunks)
    assert b"".join(found) == content[offset:]
    assert max(map(len, found)) <= 1024 * 1024


def test_nothing_follows_the_last_byte(subject: Subject) -> None:
    with subject.source.open_blob(IMAGE.layers[1], IMAGE.layers[1].size) as chunks:
        assert list(chunks) == []


def test_a_reader_may_stop_in_the_middle_and_come_back(subject: Subject) -> None:
    with subject.source.open_blob(IMAGE.layers[1]) as chunks:
        first = next(chunks)
    with subject.source.open_blob(IMAGE.layers[1], len(first)) as chunks:
        assert first + b"".join(chunks) == IMAGE.blobs[IMAGE.layers[1].digest]


def test_a_missing_blob_is_not_found_when_it_is_opened(subject: Subject) -> None:
    with pytest.raises(TidegateError) as caught, subject.source.open_blob(MISSING):
        pytest.fail("opened")
    assert caught.value.code is Code.IMAGE_NOT_FOUND


def test_a_fetched_blob_is_whole_and_alone(subject: Subject, tmp_path: Path) -> None:
    folder, counts = tmp_path / "store", list[int]()
    folder.mkdir()
    path = fetch_blob(subject.source, IMAGE.layers[1], folder, counts.append, lambda: False)
    assert path.read_bytes() == IMAGE.blobs[IMAGE.layers[1].digest]
    assert sum(counts) == IMAGE.layers[1].size
    assert [entry.name for entry in folder.iterdir()] == [IMAGE.layers[1].digest.removeprefix("sha256:")]


@pytest.mark.parametrize("which", ["forged", "shorter", "longer"])
def test_wrong_content_leaves_nothing(subject: Subject, tmp_path: Path, which: str) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    blob: Descriptor = getattr(subject, which)
    with pytest.raises(TidegateError) as caught:
        fetch_blob(subject.source, blob, folder, lambda _: None, lambda: False)
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("which", ["shorter", "longer"])
def test_another_size_is_refused_when_it_is_opened(subject: Subject, which: str) -> None:
    with pytest.raises(TidegateError) as caught, subject.source.open_blob(getattr(subject, which)):
        pytest.fail("opened")
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH


def test_a_cancelled_fetch_is_taken_up_where_it_stopped(subject: Subject, tmp_path: Path) -> None:
    folder, counts = tmp_path / "store", list[int]()
    folder.mkdir()
    blob = IMAGE.layers[1]
    with pytest.raises(Cancelled):
        fetch_blob(subject.source, blob, folder, counts.append, lambda: sum(counts) >= 1024 * 1024)
    left = (folder / f"{blob.digest.removeprefix('sha256:')}.partial").stat().st_size
    assert left == sum(counts) >= 1024 * 1024
    again: list[int] = []
    path = fetch_blob(subject.source, blob, folder, again.append, lambda: False)
    assert sum(again) == blob.size - left
    assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_several_threads_read_at_once(subject: Subject, tmp_path: Path) -> None:
    wanted = [IMAGE.config, *IMAGE.layers]
    found: dict[str, bytes] = {}

    def fetch(blob: Descriptor) -> None:
        path = fetch_blob(subject.source, blob, tmp_path, lambda _: None, lambda: False)
        found[blob.digest] = path.read_bytes()

    threads = [threading.Thread(target=fetch, args=(blob,)) for blob in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == IMAGE.blobs
