"""Lists of referrers, as documents: the rules that hold for any of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.attaching import BUNDLE_V03, index_of
from tests.support.images import describe
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_EMPTY
from tidegate_wire.registry.referrers import (
    MAX_REFERRERS,
    fallback_tag,
    keep_wanted,
    next_query,
    read_entries,
)

if TYPE_CHECKING:
    from tidegate_wire.registry.descriptor import Descriptor

URL = "https://registry.example/v2/app/referrers/sha256:00?artifactType=a"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
descriptors = st.builds(
    lambda number, kind: describe(b"%d" % number).model_copy(update={"artifact_type": kind}),
    st.integers(0, 100),
    # cosign writes the type of the empty configuration under the fallback tag.
    st.sampled_from([None, OCI_EMPTY, BUNDLE_V03, "a/b"]),
)


def test_a_fallback_tag_is_the_digest_with_a_dash() -> None:
    assert fallback_tag(digest_of(b"")) == f"sha256-{digest_of(b'').removeprefix('sha256:')}"
    with pytest.raises(TidegateError) as caught:
        fallback_tag("sha512:00")
    assert caught.value.code is Code.REFERENCE_INVALID


@given(st.lists(json_values, max_size=5), st.integers(0, 5))
def test_a_good_entry_is_found_among_anything(others: list[object], place: int) -> None:
    good = {"mediaType": "a/b", "digest": digest_of(b"good"), "size": 4}
    others.insert(place, good)
    assert digest_of(b"good") in [entry.digest for entry in read_entries(index_of(others), "a list")]


def test_a_list_without_members_may_be_written_as_null() -> None:
    assert list(read_entries(b'{"schemaVersion": 2, "manifests": null}', "a list")) == []
    with pytest.raises(TidegateError):
        read_entries(b'{"schemaVersion": 2}', "a list")


@given(st.binary())
def test_anything_else_is_refused_with_a_code(raw: bytes) -> None:
    with pytest.raises(TidegateError) as caught:
        read_entries(raw, "a list")
    assert caught.value.code is Code.IMAGE_MALFORMED


@given(st.lists(descriptors, max_size=200))
def test_what_is_kept_is_wanted_and_whole_and_in_order(entries: list[Descriptor]) -> None:
    kept: dict[str, Descriptor] = {}
    keep_wanted(kept, entries, BUNDLE_V03)
    wanted = dict.fromkeys(entry.digest for entry in entries if entry.artifact_type != "a/b")
    assert list(kept) == list(wanted)[:MAX_REFERRERS]


@given(st.text() | st.builds(lambda text: f'<{text}>; rel="next"', st.text()))
def test_any_link_leads_to_the_same_place_or_is_refused(link: str) -> None:
    with contextlib.suppress(TidegateError):
        query = next_query(link, URL)
        if query is not None:
            following = urlsplit(f"{URL.partition('?')[0]}?{query}")
            assert (following.netloc, following.path) == (urlsplit(URL).netloc, urlsplit(URL).path)
            assert (following.query, following.fragment) == (query, "")


@pytest.mark.parametrize(
    ("link", "query"),
    [
        ("", None),
        ('<?page=2>; rel="prev"', None),
        ('<?page=2>; rel="nextish"', None),
        ("<?page=2>", None),
        ('<?page=2>; rel="next"', "page=2"),
        ('<?page=1>; rel="prev", <?page=2&a=%2F>; rel="next", <?page=9>; rel="last"', "page=2&a=%2F"),
        ('<https://REGISTRY.example:443/v2/app/referrers/sha256:00?page=2>; rel="next"', "page=2"),
    ],
)
def test_the_next_page_is_read_from_its_link(link: str, query: str | None) -> None:
    assert next_query(link, URL) == query


@pytest.mark.parametrize(
    "target",
    [
        "http://registry.example/v2/app/referrers/sha256:00?page=2",
        "https://registry.example:8443/v2/app/referrers/sha256:00?page=2",
        "https://registry.example.evil/v2/app/referrers/sha256:00?page=2",
        "https://registry.example@evil.example/v2/app/referrers/sha256:00?page=2",
        "/v2/other/referrers/sha256:00?page=2",
        "page=2",
    ],
)
def test_another_place_is_refused(target: str) -> None:
    with pytest.raises(TidegateError) as caught:
        next_query(f'<{target}>; rel="next"', URL)
    assert caught.value.code is Code.IMAGE_MALFORMED
