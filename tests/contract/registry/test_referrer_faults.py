"""Registries that list referrers wrongly, endlessly, elsewhere, or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, answering, fake_registry
from tests.support.attaching import (
    BUNDLE_V03,
    Artifact,
    artifact,
    fallback_tag,
    index_of,
)
from tests.support.images import describe, noise
from tests.support.pulling import IMAGE, mirror_of, pulling, wanting_token
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import fetch_attachments
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_INDEX, OCI_MANIFEST
from tidegate_wire.registry.referrers import MAX_REFERRERS
from tidegate_wire.registry.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.registry import Exchange, Trick
    from tidegate_wire.registry.source import ImageSource

ABOUT_IMAGE = describe(IMAGE.manifest, OCI_MANIFEST)
BUNDLE = artifact(ABOUT_IMAGE, b"bundle", BUNDLE_V03)
TAG = fallback_tag(IMAGE.digest)
PATH = f"/v2/app/referrers/{IMAGE.digest}"


def put(registry: FakeRegistry, *artifacts: Artifact) -> None:
    for made in artifacts:
        registry.manifests[made.digest] = made.manifest
        registry.blobs |= {digest_of(blob): blob for blob in made.blobs}


def listing(*entries: object, **headers: str) -> Trick:
    """An answer of the referrers API."""
    return answering(200, index_of(entries), Content_Type=OCI_INDEX, **headers)


def found(source: ImageSource) -> list[str]:
    return [entry.digest for entry in source.referrers(IMAGE.digest, BUNDLE_V03)]


def refusal(source: ImageSource) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        source.referrers(IMAGE.digest, BUNDLE_V03)
    return caught.value


def entry(number: int, **changed: object) -> dict[str, object]:
    """A line of a list; nobody has what it is about."""
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(b"%d" % number),
        "size": 500,
        "artifactType": BUNDLE_V03,
        **changed,
    }


@pytest.mark.parametrize("status", [400, 404, 405, 406, 501])
def test_a_registry_without_the_api_is_asked_for_the_tag(
    registry: FakeRegistry, source: ImageSource, status: int
) -> None:
    registry.always("/referrers/", answering(status, b"no such page"))
    put(registry, BUNDLE)
    assert found(source) == []
    registry.manifests[TAG] = index_of([BUNDLE.entry])
    assert found(source) == [BUNDLE.digest]


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html>",
        b"{}",
        b"[]",
        b'{"schemaVersion": 2, "manifests": {}}',
        b'{"schemaVersion": 1, "manifests": []}',
        IMAGE.manifest,
    ],
)
def test_an_answer_that_is_no_index_is_no_referrers_api(
    registry: FakeRegistry, source: ImageSource, content: bytes
) -> None:
    registry.always("/referrers/", answering(200, content, Content_Type="text/html"))
    registry.manifests[TAG] = index_of([BUNDLE.entry])
    assert found(source) == [BUNDLE.digest]


def test_an_answer_that_only_claims_to_be_an_index_is_refused(
    registry: FakeRegistry, source: ImageSource
) -> None:
    registry.always("/referrers/", answering(200, b"{", Content_Type=f"{OCI_INDEX}; charset=utf-8"))
    registry.manifests[TAG] = index_of([BUNDLE.entry])
    assert refusal(source).code is Code.IMAGE_MALFORMED


def test_a_tag_that_is_no_index_is_refused(registry: FakeRegistry, source: ImageSource) -> None:
    registry.manifests[TAG] = IMAGE.manifest
    assert refusal(source).code is Code.IMAGE_MALFORMED


def test_an_entry_of_the_tag_without_a_type_is_kept(registry: FakeRegistry, source: ImageSource) -> None:
    untyped = {name: value for name, value in BUNDLE.entry.items() if name != "artifactType"}
    registry.manifests[TAG] = index_of([untyped, entry(1, artifactType="application/spdx+json")])
    assert found(source) == [BUNDLE.digest]


def test_the_server_is_not_relied_on_to_filter(registry: FakeRegistry, source: ImageSource) -> None:
    other = entry(1, artifactType="application/spdx+json")
    registry.always("/referrers/", listing(other, entry(2), OCI_Filters_Applied="artifactType"))
    assert found(source) == [digest_of(b"2")]


def test_the_type_is_sent_as_one_value(registry: FakeRegistry, source: ImageSource) -> None:
    source.referrers(IMAGE.digest, "a/b+c&d=e")
    assert [seen.path for seen in registry.requests("/referrers/")] == [
        f"{PATH}?artifactType=a%2Fb%2Bc%26d%3De"
    ]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        {},
        entry(1, digest="sha512:" + "0" * 128),
        entry(1, digest="sha256:../../etc/passwd"),
        entry(1, size=-1),
        entry(1, size="1"),
        entry(1, artifactType="\ud800"),
    ],
)
def test_a_bad_entry_does_not_hide_the_others(
    registry: FakeRegistry, source: ImageSource, bad: object
) -> None:
    registry.always("/referrers/", listing(entry(2), bad, entry(3)))
    assert found(source) == [digest_of(b"2"), digest_of(b"3")]


def test_each_digest_is_given_once(registry: FakeRegistry, source: ImageSource) -> None:
    registry.always("/referrers/", listing(entry(1), entry(2), entry(1, size=7)))
    assert found(source) == [digest_of(b"1"), digest_of(b"2")]


def test_no_more_than_the_limit_are_given(registry: FakeRegistry, source: ImageSource) -> None:
    entries = [entry(number) for number in range(MAX_REFERRERS + 1)]
    registry.always("/referrers/", listing(*entries, Link=f'<{PATH}?page=2>; rel="next"'))
    assert found(source) == [digest_of(b"%d" % number) for number in range(MAX_REFERRERS)]
    assert len(registry.seen) == len(registry.requests("?artifactType=")) + 1  # and the question for TLS


@pytest.mark.parametrize("size", [MAX_MANIFEST_BYTES + 1, 2 * MAX_MANIFEST_BYTES])
def test_an_oversized_list_is_refused(registry: FakeRegistry, source: ImageSource, size: int) -> None:
    registry.always("/referrers/", answering(200, b" " * size, Content_Type=OCI_INDEX))
    assert refusal(source).code is Code.IMAGE_TOO_LARGE


def test_all_pages_together_have_one_limit(registry: FakeRegistry, source: ImageSource) -> None:
    pad = "x" * (MAX_MANIFEST_BYTES // 2)

    def padded(exchange: Exchange) -> None:
        number = len(registry.requests("/referrers/"))
        raw = json.dumps({"schemaVersion": 2, "pad": pad, "manifests": []}).encode()
        exchange.send(200, raw, Link=f'<{PATH}?page={number}>; rel="next"')

    registry.always("/referrers/", padded)
    assert refusal(source).code is Code.IMAGE_TOO_LARGE
    assert len(registry.requests("/referrers/")) == 2


@pytest.mark.parametrize(
    "link",
    [
        f"<{PATH}?page=2>; rel=next",
        f'<{PATH}?page=2>;rel="next"',
        f'</elsewhere>; rel="prev", <{PATH}?page=2>; title="x"; rel="next"',
        "<?page=2>; rel=NEXT",
        f'<{PATH.replace(":", "%3A")}?page=2>; rel="next"',
        '<?page=2&\x01 %zz\xe9"{}|>; rel="next"',
    ],
)
def test_the_next_page_is_followed(registry: FakeRegistry, source: ImageSource, link: str) -> None:
    registry.once("?page=2", listing(entry(2)))
    registry.once("/referrers/", listing(entry(1), Link=link))
    assert found(source) == [digest_of(b"1"), digest_of(b"2")]


@pytest.mark.parametrize("entries", [(), (entry(1),)])
@pytest.mark.parametrize(
    "link",
    [
        f"<http://other.example{PATH}?page=2>",
        f"<//other.example{PATH}?page=2>",
        "</v2/app/manifests/latest?page=2>",
        f"<{PATH}/../../../../v2/secret/referrers/{IMAGE.digest}?page=2>",
        f"<http://[broken{PATH}?page=2>",
        "<file:///etc/passwd>",
        "<>",
    ],
)
def test_a_list_that_goes_on_elsewhere_is_not_taken_to_be_empty(
    registry: FakeRegistry, source: ImageSource, link: str, entries: tuple[object, ...]
) -> None:
    registry.always("/referrers/", listing(*entries, Link=f'{link}; rel="next"'))
    if entries:
        assert found(source) == [digest_of(b"1")]
    else:
        assert refusal(source).code in (Code.IMAGE_MALFORMED, Code.IMAGE_UNREACHABLE)
    assert not registry.requests("secret")
    assert not registry.requests("manifests")


@pytest.mark.parametrize("entries", [(), (entry(1),)])
def test_a_loop_of_pages_ends(
    registry: FakeRegistry, source: ImageSource, entries: tuple[object, ...]
) -> None:
    registry.always("/referrers/", listing(*entries, Link=f'<{PATH}?page=2>; rel="next"'))
    if entries:
        assert found(source) == [digest_of(b"1")]
    else:
        assert refusal(source).code is Code.IMAGE_MALFORMED
    assert len(registry.requests("/referrers/")) == 2


def test_endless_pages_end(registry: FakeRegistry, source: ImageSource) -> None:
    def endless(exchange: Exchange) -> None:
        number = len(registry.requests("/referrers/"))
        listing(entry(number), Link=f'<{PATH}?page={number}>; rel="next"')(exchange)

    registry.always("/referrers/", endless)
    assert found(source) == [digest_of(b"%d" % number) for number in range(1, 9)]


def test_a_list_that_breaks_off_is_not_taken_to_be_empty(registry: FakeRegistry, source: ImageSource) -> None:
    registry.always("?page=2", answering(404))
    registry.once("/referrers/", listing(Link=f'<{PATH}?page=2>; rel="next"'))
    registry.manifests[TAG] = index_of([])
    assert refusal(source).code is Code.IMAGE_MALFORMED


@pytest.mark.parametrize(("status", "code"), [(401, Code.IMAGE_UNAUTHORIZED), (403, Code.IMAGE_UNAUTHORIZED)])
@pytest.mark.parametrize("part", ["/referrers/", "/manifests/"])
def test_a_refusal_is_not_an_empty_list(
    registry: FakeRegistry, source: ImageSource, part: str, status: int, code: Code
) -> None:
    registry.always(part, answering(status))
    assert refusal(source).code is code


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("part", ["/referrers/", "/manifests/"])
def test_a_server_in_trouble_is_asked_again_and_is_not_an_empty_list(
    registry: FakeRegistry, source: ImageSource, time: FakeTime, part: str, status: int
) -> None:
    registry.always(part, answering(status))
    assert refusal(source).code is Code.IMAGE_UNREACHABLE
    assert len(registry.requests(part)) == Limits().attempts
    assert len(time.slept) == Limits().attempts - 1


def test_trouble_that_passes_is_survived(registry: FakeRegistry, source: ImageSource) -> None:
    registry.once("/referrers/", answering(503), listing(entry(1)))
    assert found(source) == [digest_of(b"1")]


def test_a_list_that_drips_is_given_up(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.always("/referrers/", listing(entry(1)))
    error = refusal(pulling(registry, tmp_path, FakeTime(step=61.0)))
    assert error.code is Code.IMAGE_UNREACHABLE
    assert "longer than 60 s" in error.reason


def test_a_registry_that_is_gone_is_not_an_empty_list(tmp_path: Path) -> None:
    with fake_registry() as registry:
        source = pulling(registry, tmp_path, FakeTime())
    assert refusal(source).code is Code.IMAGE_UNREACHABLE


def test_a_token_is_shown_for_the_list_too(
    registry: FakeRegistry, source: ImageSource, realm: FakeRegistry
) -> None:
    put(registry, BUNDLE)
    registry.page_size = 10
    registry.always("/v2/app/", wanting_token("t1", realm.url))
    assert found(source) == [BUNDLE.digest]


@pytest.mark.parametrize("trick", [answering(404), listing(), answering(401)])
def test_a_mirror_without_the_list_is_passed_over(
    registry: FakeRegistry, tmp_path: Path, trick: Trick
) -> None:
    registry.manifests[TAG] = index_of([BUNDLE.entry])
    with fake_registry() as mirror:
        mirror.always("/referrers/", trick)
        source = pulling(registry, tmp_path, FakeTime(), mirror_of(mirror))
        assert found(source) == [BUNDLE.digest]


def test_a_mirror_does_not_say_for_its_primary_that_there_is_nothing(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.always("/referrers/", answering(500))
    with fake_registry() as mirror:
        mirror.always("/referrers/", listing())
        source = pulling(registry, tmp_path, FakeTime(), mirror_of(mirror))
        assert refusal(source).code is Code.IMAGE_UNREACHABLE


def test_what_mismatches_at_a_mirror_is_fetched_from_the_primary(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    put(registry, BUNDLE)
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
    put(registry, forged, gone, other, BUNDLE)
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
    put(registry, BUNDLE)
    registry.page_size = 10
    registry.once("/blobs/", *[answering(500)] * Limits().attempts)
    with pytest.raises(TidegateError) as caught:
        fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert caught.value.code is Code.IMAGE_UNREACHABLE
    assert fetch_attachments(source, IMAGE.digest, BUNDLE_V03).contents == (b"bundle",)
