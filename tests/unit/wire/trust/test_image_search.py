"""Where an image's signatures are looked for, and what several repositories' answers come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.image_source import FakeImageSource
from tests.support.attaching import BUNDLE_V03, artifact, cosign2_manifest
from tests.support.images import describe
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_MANIFEST
from tidegate_wire.registry.referrers import MAX_REFERRERS, fallback_tag
from tidegate_wire.trust.image_search import PREDICATE_ANNOTATION, FoundSignatures, search
from tidegate_wire.trust.policy import (
    COSIGN,
    MAX_ATTACHMENTS,
    PROVENANCE,
    ImagePolicy,
    KeySigner,
    SignerPolicy,
    exactly,
)

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = b'{"schemaVersion":2}'
DIGEST = digest_of(IMAGE)
TAG = f"{fallback_tag(DIGEST)}.sig"
SILENT = TidegateError(Code.IMAGE_UNREACHABLE, "it does not answer")
REFUSED = TidegateError(Code.IMAGE_SIGNATURE, "no signature holds")


def empty() -> FakeImageSource:
    return FakeImageSource()


def with_bundle(content: bytes = b"{}") -> FakeImageSource:
    source = FakeImageSource()
    source.put(artifact(describe(IMAGE, OCI_MANIFEST), content, BUNDLE_V03))
    return source


def with_cosign2(certificate: str | None = None) -> FakeImageSource:
    source = FakeImageSource()
    source.put(cosign2_manifest((b"payload", b"signature"), certificate=certificate), TAG)
    source.listed.clear()
    return source


def silent() -> FakeImageSource:
    return FakeImageSource(failures={DIGEST: SILENT})


def look(
    sources: dict[str, FakeImageSource],
    judge: Callable[[FoundSignatures], object] = lambda found: found,
    *,
    with_keys: bool = False,
) -> object:
    key, person = KeySigner("release", "PEM"), exactly("ana@example.org", "https://example.org")
    policy = ImagePolicy(SignerPolicy((key,) if with_keys else (person,)), frozenset({COSIGN, PROVENANCE}))
    return search(tuple(sources), DIGEST, source=sources.__getitem__, judge=judge, policy=policy)


def refusal(
    sources: dict[str, FakeImageSource],
    judge: Callable[[FoundSignatures], object] = lambda found: found,
    *,
    with_keys: bool = False,
) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        look(sources, judge, with_keys=with_keys)
    return caught.value


def refuse(found: FoundSignatures) -> object:
    del found
    raise REFUSED


def only(content: bytes) -> Callable[[FoundSignatures], object]:
    """Accepts this bundle alone."""

    def judge(found: FoundSignatures) -> object:
        return content if content in found.bundles else refuse(found)

    return judge


def test_the_first_repository_that_is_accepted_ends_the_search() -> None:
    never = FakeImageSource(failures={DIGEST: AssertionError("asked")})  # type: ignore[dict-item]
    assert look({"a": with_bundle(b"[1]"), "b": never}) == FoundSignatures((b"[1]",))


@pytest.mark.parametrize("before", [empty, silent, lambda: with_bundle(b"[0]"), with_cosign2])
def test_it_does_not_matter_in_which_repository_it_lies(before: Callable[[], FakeImageSource]) -> None:
    assert look({"a": before(), "b": with_bundle(b"[1]")}, only(b"[1]")) == b"[1]"


def test_nothing_anywhere() -> None:
    error = refusal({"a": empty(), "b": empty()})
    assert (error.code, "a, b" in error.reason) == (Code.IMAGE_UNSIGNED, True)


def test_what_was_skipped_is_told() -> None:
    other = FakeImageSource()
    other.put(artifact(describe(b"another image", OCI_MANIFEST), b"{}", BUNDLE_V03))
    error = refusal({"a": other})
    assert (error.code, "does not refer to" in error.reason) == (Code.IMAGE_UNSIGNED, True)


def test_a_repository_that_gives_no_answer_leaves_it_open() -> None:
    assert refusal({"a": silent(), "b": empty()}) is SILENT
    assert refusal({"a": with_bundle(), "b": silent()}, refuse) is SILENT


def test_a_refusal_stands() -> None:
    assert refusal({"a": with_bundle(), "b": empty()}, refuse) is REFUSED


@pytest.mark.parametrize("certificate", [None, "PEM"])
def test_cosign_2s_form_counts_for_keys_only(certificate: str | None) -> None:
    sources = {"a": with_cosign2(certificate)}
    assert refusal(sources).code is Code.IMAGE_SIGNATURE_FORMAT
    if certificate is None:
        found = look(sources, with_keys=True)
        assert found == FoundSignatures(simple=((b"payload", b"signature"),))
    else:
        assert refusal(sources, with_keys=True).code is Code.IMAGE_UNSIGNED


def attest(source: FakeImageSource, content: bytes, predicate: str) -> None:
    """A bundle, listed as cosign lists it."""
    source.put(artifact(describe(IMAGE, OCI_MANIFEST), content, BUNDLE_V03))
    annotations = {PREDICATE_ANNOTATION: predicate}
    source.listed[-1] = source.listed[-1].model_copy(update={"annotations": annotations})


SCAN = "https://cosign.sigstore.dev/attestation/vuln/v1"


@pytest.mark.parametrize("wanted", [COSIGN, PROVENANCE])
def test_honest_attestations_of_other_kinds_do_not_crowd_out_a_signature(wanted: str) -> None:
    source = FakeImageSource()
    for number in range(MAX_REFERRERS - 1):
        attest(source, b"%d" % number, SCAN)
    attest(source, b"signature", wanted)
    found = look({"a": source})
    assert isinstance(found, FoundSignatures)
    assert found.bundles == (b"signature", *(b"%d" % number for number in range(MAX_ATTACHMENTS - 1)))


def test_what_an_annotation_says_decides_the_order_and_no_more() -> None:
    source = with_bundle(b"says nothing")
    attest(source, b"says something else", SCAN)
    attest(source, b"says signature", COSIGN)
    attest(source, b"says provenance", PROVENANCE)
    found = look({"a": source})
    assert isinstance(found, FoundSignatures)
    assert found.bundles == (b"says signature", b"says provenance", b"says nothing", b"says something else")


def test_rubbish_under_cosign_2s_tag_hides_no_bundle() -> None:
    source = with_bundle(b"[1]")
    source.tags[TAG] = digest_of(b"rubbish")
    source.manifests[digest_of(b"rubbish")] = b"rubbish"
    found = look({"a": source}, with_keys=True)
    assert isinstance(found, FoundSignatures)
    assert (found.bundles, found.simple) == ((b"[1]",), ())
    assert "the tag of cosign 2's signatures was skipped" in found.skipped[0]


def test_a_tag_that_could_not_be_asked_for_leaves_it_open() -> None:
    source = with_bundle(b"[1]")
    source.failures[TAG] = SILENT
    assert refusal({"a": source}, with_keys=True) is SILENT
