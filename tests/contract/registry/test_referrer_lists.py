"""Registries that list referrers wrongly, endlessly, or elsewhere.

Longer than 200 lines, because the ways to be wrong are best read in one place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import FakeRegistry, answering
from tests.support.attaching import (
    index_of,
)
from tests.support.pulling import IMAGE
from tests.support.referring import (
    BUNDLE,
    PATH,
    TAG,
    entry,
    list_refusal,
    listing,
    put_artifacts,
    referrers_of_image,
)
from tidegate_schemas.codes import Code
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_INDEX
from tidegate_wire.registry.referrers import MAX_REFERRERS

if TYPE_CHECKING:
    from tests.fakes.registry import Exchange
    from tidegate_wire.registry.source import ImageSource


@pytest.mark.parametrize("status", [400, 404, 405, 406, 501])
def test_a_registry_without_the_api_is_asked_for_the_tag(
    registry: FakeRegistry, source: ImageSource, status: int
) -> None:
    registry.always("/referrers/", answering(status, b"no such page"))
    put_artifacts(registry, BUNDLE)
    assert referrers_of_image(source) == []
    registry.manifests[TAG] = index_of([BUNDLE.entry])
    assert referrers_of_image(source) == [BUNDLE.digest]


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
    assert referrers_of_image(source) == [BUNDLE.digest]


def test_an_answer_that_only_claims_to_be_an_index_is_refused(
    registry: FakeRegistry, source: ImageSource
) -> None:
    registry.always("/referrers/", answering(200, b"{", Content_Type=f"{OCI_INDEX}; charset=utf-8"))
    registry.manifests[TAG] = index_of([BUNDLE.entry])
    assert list_refusal(source).code is Code.IMAGE_MALFORMED


def test_a_tag_that_is_no_index_is_refused(registry: FakeRegistry, source: ImageSource) -> None:
    registry.manifests[TAG] = IMAGE.manifest
    assert list_refusal(source).code is Code.IMAGE_MALFORMED


def test_an_entry_of_the_tag_without_a_type_is_kept(registry: FakeRegistry, source: ImageSource) -> None:
    untyped = {name: value for name, value in BUNDLE.entry.items() if name != "artifactType"}
    registry.manifests[TAG] = index_of([untyped, entry(1, artifactType="application/spdx+json")])
    assert referrers_of_image(source) == [BUNDLE.digest]


def test_the_server_is_not_relied_on_to_filter(registry: FakeRegistry, source: ImageSource) -> None:
    other = entry(1, artifactType="application/spdx+json")
    registry.always("/referrers/", listing(other, entry(2), OCI_Filters_Applied="artifactType"))
    assert referrers_of_image(source) == [digest_of(b"2")]


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
    assert referrers_of_image(source) == [digest_of(b"2"), digest_of(b"3")]


def test_each_digest_is_given_once(registry: FakeRegistry, source: ImageSource) -> None:
    registry.always("/referrers/", listing(entry(1), entry(2), entry(1, size=7)))
    assert referrers_of_image(source) == [digest_of(b"1"), digest_of(b"2")]


def test_no_more_than_the_limit_are_given(registry: FakeRegistry, source: ImageSource) -> None:
    entries = [entry(number) for number in range(MAX_REFERRERS + 1)]
    registry.always("/referrers/", listing(*entries, Link=f'<{PATH}?page=2>; rel="next"'))
    assert referrers_of_image(source) == [digest_of(b"%d" % number) for number in range(MAX_REFERRERS)]
    assert len(registry.seen) == len(registry.requests("?artifactType=")) + 1  # and the question for TLS


@pytest.mark.parametrize("size", [MAX_MANIFEST_BYTES + 1, 2 * MAX_MANIFEST_BYTES])
def test_an_oversized_list_is_refused(registry: FakeRegistry, source: ImageSource, size: int) -> None:
    registry.always("/referrers/", answering(200, b" " * size, Content_Type=OCI_INDEX))
    assert list_refusal(source).code is Code.IMAGE_TOO_LARGE


def test_all_pages_together_have_one_limit(registry: FakeRegistry, source: ImageSource) -> None:
    pad = "x" * (MAX_MANIFEST_BYTES // 2)

    def padded(exchange: Exchange) -> None:
        number = len(registry.requests("/referrers/"))
        raw = json.dumps({"schemaVersion": 2, "pad": pad, "manifests": []}).encode()
        exchange.send(200, raw, Link=f'<{PATH}?page={number}>; rel="next"')

    registry.always("/referrers/", padded)
    assert list_refusal(source).code is Code.IMAGE_TOO_LARGE
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
    assert referrers_of_image(source) == [digest_of(b"1"), digest_of(b"2")]


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
        assert referrers_of_image(source) == [digest_of(b"1")]
    else:
        assert list_refusal(source).code in (Code.IMAGE_MALFORMED, Code.IMAGE_UNREACHABLE)
    assert not registry.requests("secret")
    assert not registry.requests("manifests")


@pytest.mark.parametrize("entries", [(), (entry(1),)])
def test_a_loop_of_pages_ends(
    registry: FakeRegistry, source: ImageSource, entries: tuple[object, ...]
) -> None:
    registry.always("/referrers/", listing(*entries, Link=f'<{PATH}?page=2>; rel="next"'))
    if entries:
        assert referrers_of_image(source) == [digest_of(b"1")]
    else:
        assert list_refusal(source).code is Code.IMAGE_MALFORMED
    assert len(registry.requests("/referrers/")) == 2


def test_endless_pages_end(registry: FakeRegistry, source: ImageSource) -> None:
    def endless(exchange: Exchange) -> None:
        number = len(registry.requests("/referrers/"))
        listing(entry(number), Link=f'<{PATH}?page={number}>; rel="next"')(exchange)

    registry.always("/referrers/", endless)
    assert referrers_of_image(source) == [digest_of(b"%d" % number) for number in range(1, 17)]


def test_a_list_that_breaks_off_is_not_taken_to_be_empty(registry: FakeRegistry, source: ImageSource) -> None:
    registry.always("?page=2", answering(404))
    registry.once("/referrers/", listing(Link=f'<{PATH}?page=2>; rel="next"'))
    registry.manifests[TAG] = index_of([])
    assert list_refusal(source).code is Code.IMAGE_MALFORMED
