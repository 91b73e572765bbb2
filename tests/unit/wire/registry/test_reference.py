from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.reference import LayoutReference, Reference, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4

hosts = st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){1,2}(:[1-9][0-9]{0,3})?", fullmatch=True)
repositories = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?(/[a-z0-9]{1,8}){0,3}", fullmatch=True)
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
digests = st.none() | st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{raw.hex()}")


@given(hosts, repositories, tags, digests)
def test_a_reference_is_read_as_it_is_written(
    host: str, repository: str, tag: str | None, digest: str | None
) -> None:
    reference = Reference(host, repository, tag, digest)
    assert parse_reference(str(reference)) == reference


@given(repositories, tags, digests)
def test_a_layout_is_read_as_it_is_written(path: str, tag: str | None, digest: str | None) -> None:
    reference = LayoutReference(PurePosixPath("/srv") / path, tag, digest)
    assert parse_reference(str(reference)) == reference


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except TidegateError as error:
        assert error.code is Code.REFERENCE_INVALID  # noqa: PT017 - either outcome is right
    else:
        assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"r.example/a/b:1.0@{DIGEST}", Reference("r.example", "a/b", "1.0", DIGEST)),
        ("localhost/a", Reference("localhost", "a")),
        ("Registry.Example:5000/a__b", Reference("registry.example:5000", "a__b")),
        ("[::1]:5000/a", Reference("[::1]:5000", "a")),
        ("docker.io/debian", Reference("docker.io", "library/debian")),
        ("index.docker.io/org/app", Reference("docker.io", "org/app")),
        (f"oci:/srv/release.oci@{DIGEST}", LayoutReference(PurePosixPath("/srv/release.oci"), None, DIGEST)),
    ],
)
def test_references(text: str, expected: Reference | LayoutReference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "debian",
        "org/app",
        "r.example",
        "r.example/",
        "r.example/App",
        "r.example/a//b",
        "r.example/../b",
        "r.example/a_-b",
        "r.example/a:",
        "r.example/a:-1",
        "r.example/a:" + "t" * 129,
        "r.example/a@",
        "r.example/a@sha256:abc",
        f"r.example/a@{DIGEST.upper()}",
        f"r.example/a@{DIGEST}\n",
        f"r.example/a@{DIGEST}@{DIGEST}",
        "r.example/a@sha512:" + "0" * 128,
        "r.example:0/a",
        "r.example:65536/a",
        "r.example:x/a",
        "-r.example/a",
        "user:pass@r.example/a",
        "https://r.example/a",
        "docker://r.example/a",
        "r.example/a b",
        "r.example/" + "a" * 250,
        "oci:relative",
        "oci:/",
        "oci:/srv/../etc",
        "oci:/srv/x:bad tag",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(TidegateError) as caught:
        parse_reference(text)
    assert caught.value.code is Code.REFERENCE_INVALID


def test_at_pins_to_a_digest() -> None:
    assert str(Reference("r.example", "a", "1").at(DIGEST)) == f"r.example/a:1@{DIGEST}"
    assert str(LayoutReference(PurePosixPath("/x")).at(DIGEST)) == f"oci:/x@{DIGEST}"
    with pytest.raises(TidegateError):
        Reference("r.example", "a").at("latest")
