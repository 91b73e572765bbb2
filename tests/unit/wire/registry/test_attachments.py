"""Attachments that are not what they should be: skipped, told, and never in the way of the others."""

from __future__ import annotations

import pytest

from tests.fakes.image_source import FakeImageSource
from tests.support.attaching import BUNDLE_V03, Artifact, artifact
from tests.support.images import describe, image, index, plain
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import (
    MAX_ATTACHMENT_BYTES,
    MAX_ATTACHMENTS,
    fetch_attachments,
)
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_MANIFEST

IMAGE = image({"a": b"1"})
ABOUT_IMAGE = describe(IMAGE.manifest, OCI_MANIFEST)
GOOD = artifact(ABOUT_IMAGE, b"bundle", BUNDLE_V03)
LAYER = plain(describe(b"bad", BUNDLE_V03))


def bad(**changed: object) -> Artifact:
    return artifact(ABOUT_IMAGE, b"bad", BUNDLE_V03, **changed)


WRONG = {
    "another subject": (bad(subject=plain(describe(b"x"))), "does not refer to"),
    "no subject": (bad(subject=None), "does not refer to"),
    "another type": (bad(artifactType="a/b"), "it is a a/b, not a"),
    "only its config's type": (bad(artifactType=None), "vnd.oci.empty.v1+json, not a"),
    "no layer": (bad(layers=[]), "0 layers"),
    "two layers": (bad(layers=[LAYER, LAYER]), "2 layers"),
    "a layer of another type": (
        bad(layers=[{**LAYER, "mediaType": "text/html"}]),
        "its layer is a text/html",
    ),
    "a smaller size": (bad(layers=[{**LAYER, "size": 2}]), "has the digest"),
    "a larger size": (bad(layers=[{**LAYER, "size": 4}]), "ends after 3 of 4 bytes"),
    "no form": (bad(config=7), "breaks the OCI form at config"),
    "a huge layer": (bad(layers=[{**LAYER, "size": MAX_ATTACHMENT_BYTES + 1}]), "the limit is 262144"),
}


@pytest.mark.parametrize("defect", WRONG)
def test_what_is_wrong_is_skipped_and_told(defect: str) -> None:
    source = FakeImageSource()
    wrong, reason = WRONG[defect]
    digest = source.put(wrong)
    source.put(GOOD)
    found = fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert found.contents == (b"bundle",)
    (told,) = found.skipped
    assert told.startswith(f"{digest} was skipped: ")
    assert reason in told


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000, index(("amd64", IMAGE))]
)
def test_a_manifest_that_is_none_is_skipped(raw: bytes) -> None:
    source = FakeImageSource()
    source.listed.append(describe(raw, OCI_MANIFEST))
    source.manifests[digest_of(raw)] = raw
    source.put(GOOD)
    found = fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert (found.contents, len(found.skipped)) == ((b"bundle",), 1)


def test_what_was_altered_is_skipped() -> None:
    source = FakeImageSource()
    source.put(bad())
    source.blobs[digest_of(b"bad")] = b"BAD"
    source.put(GOOD)
    found = fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert found.contents == (b"bundle",)
    assert "has the digest" in found.skipped[0]
    assert source.asked.count(digest_of(b"bad")) == 2  # another mirror may have the right one


def test_nothing_oversized_is_asked_for() -> None:
    source = FakeImageSource()
    source.put(GOOD)
    found = fetch_attachments(source, IMAGE.digest, BUNDLE_V03, max_bytes=len(b"bundle") - 1)
    assert (found.contents, source.asked) == ((), [])
    assert fetch_attachments(source, IMAGE.digest, BUNDLE_V03, max_bytes=6).contents == (b"bundle",)


def test_only_so_many_are_looked_at() -> None:
    source = FakeImageSource()
    for number in range(MAX_ATTACHMENTS):
        source.put(artifact(ABOUT_IMAGE, b"%d" % number, BUNDLE_V03))
    assert fetch_attachments(source, IMAGE.digest, BUNDLE_V03).skipped == ()
    source.put(GOOD)
    source.put(bad())
    found = fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert found.contents == tuple(b"%d" % number for number in range(MAX_ATTACHMENTS))
    assert found.skipped == ("2 more were skipped: only 16 are looked at",)


def test_nothing_attached_is_no_error() -> None:
    found = fetch_attachments(FakeImageSource(), IMAGE.digest, BUNDLE_V03)
    assert (found.contents, found.skipped) == ((), ())


@pytest.mark.parametrize("code", [Code.IMAGE_UNREACHABLE, Code.IMAGE_UNAUTHORIZED])
@pytest.mark.parametrize("where", [IMAGE.digest, GOOD.digest, digest_of(b"bundle")])
def test_no_answer_is_not_no_attachment(where: str, code: Code) -> None:
    source = FakeImageSource()
    source.put(GOOD)
    source.failures[where] = TidegateError(code, "gone")
    with pytest.raises(TidegateError) as caught:
        fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert caught.value.code is code
