"""What cosign 2 leaves under its tag, and what others could put there."""

from __future__ import annotations

import base64
import json

import pytest

from tests.fakes.image_source import FakeImageSource
from tests.support.attaching import cosign2_manifest, fallback_tag
from tests.support.images import describe, image, index, plain
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.simple_signing import (
    SIGNATURE_ANNOTATION,
    SIMPLE_SIGNING,
    SimpleSigning,
    fetch_simple_signing,
    legacy_signature,
)

IMAGE = image({"a": b"1"})
TAG = f"{fallback_tag(IMAGE.digest)}.sig"
GOOD = (b"payload", b"signature")


def with_layers(*layers: dict[str, object]) -> FakeImageSource:
    """A source whose tag names these layers and then a good one."""
    source = FakeImageSource()
    good = cosign2_manifest(GOOD)
    source.put(good)
    document = json.loads(good.manifest)
    document["layers"] = [*layers, *document["layers"]]
    raw = json.dumps(document).encode()
    source.manifests[digest_of(raw)] = raw
    source.tags[TAG] = digest_of(raw)
    return source


def layer(signature: str | None, **changed: object) -> dict[str, object]:
    annotations = {} if signature is None else {SIGNATURE_ANNOTATION: signature}
    return {**plain(describe(b"payload", SIMPLE_SIGNING)), "annotations": annotations, **changed}


def signatures(source: FakeImageSource) -> list[bytes]:
    return [entry.signature for entry in fetch_simple_signing(source, IMAGE.digest)]


def test_payload_and_signature_are_read() -> None:
    source = FakeImageSource()
    source.put(cosign2_manifest(GOOD, (b"second", b"\x00\xff")), TAG)
    assert legacy_signature(source, IMAGE.digest)
    assert fetch_simple_signing(source, IMAGE.digest) == (
        SimpleSigning(b"payload", b"signature", has_certificate=False),
        SimpleSigning(b"second", b"\x00\xff", has_certificate=False),
    )


def test_a_certificate_is_told() -> None:
    source = FakeImageSource()
    source.put(cosign2_manifest(GOOD, certificate="-----BEGIN CERTIFICATE-----"), TAG)
    (found,) = fetch_simple_signing(source, IMAGE.digest)
    assert found.has_certificate


@pytest.mark.parametrize(
    "signature",
    [None, "", "c2lnbmF0dXJl\n", "c2lnbmF0dXJ", " c2ln", "YR==", "YQ", "-_-_", "é", "A" * 4100],
)
def test_a_signature_that_is_no_canonical_base64_is_passed_over(signature: str | None) -> None:
    assert signatures(with_layers(layer(signature))) == [b"signature"]


@pytest.mark.parametrize(
    "changed",
    [
        {"mediaType": "text/plain"},
        {"size": 256 * 1024 + 1},
        {"size": 6},
        {"size": 8},
        {"digest": digest_of(b"nobody has this")},
        {"annotations": None},
    ],
)
def test_a_layer_that_is_not_as_it_should_be_is_passed_over(changed: dict[str, object]) -> None:
    bad = layer(base64.b64encode(b"other").decode(), **changed)
    assert signatures(with_layers(bad)) == [b"signature"]


def test_an_altered_payload_is_passed_over() -> None:
    source = with_layers()
    source.blobs[digest_of(b"payload")] = b"PAYLOAD"
    assert fetch_simple_signing(source, IMAGE.digest) == ()


def test_only_so_many_are_read_and_one_payload_only_once() -> None:
    made = [layer(base64.b64encode(b"%d" % number).decode()) for number in range(20)]
    source = with_layers(*made)
    assert signatures(source) == [b"%d" % number for number in range(16)]
    assert source.asked == [digest_of(b"payload")]


def test_without_the_tag_there_is_nothing() -> None:
    source = FakeImageSource()
    assert not legacy_signature(source, IMAGE.digest)
    assert fetch_simple_signing(source, IMAGE.digest) == ()


def test_a_tag_of_something_else_is_refused() -> None:
    raw = index(("amd64", IMAGE))
    source = FakeImageSource({TAG: digest_of(raw)}, {digest_of(raw): raw})
    assert legacy_signature(source, IMAGE.digest)
    with pytest.raises(TidegateError) as caught:
        fetch_simple_signing(source, IMAGE.digest)
    assert caught.value.code is Code.IMAGE_MALFORMED


@pytest.mark.parametrize("where", [TAG, digest_of(b"payload")])
def test_no_answer_is_not_no_signature(where: str) -> None:
    source = with_layers()
    source.failures[where] = TidegateError(Code.IMAGE_UNREACHABLE, "gone")
    with pytest.raises(TidegateError) as caught:
        fetch_simple_signing(source, IMAGE.digest)
    assert caught.value.code is Code.IMAGE_UNREACHABLE


def test_a_tag_that_cannot_be_asked_for_is_an_error() -> None:
    source = FakeImageSource(failures={TAG: TidegateError(Code.IMAGE_UNAUTHORIZED, "who are you?")})
    with pytest.raises(TidegateError) as caught:
        legacy_signature(source, IMAGE.digest)
    assert caught.value.code is Code.IMAGE_UNAUTHORIZED
