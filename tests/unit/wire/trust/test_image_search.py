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
from tidegate_wire.registry.referrers import fallback_tag
from tidegate_wire.trust.image_search import FoundSignatures, search

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
    return search(tuple(sources), DIGEST, source=sources.__getitem__, judge=judge, with_keys=with_keys)


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
