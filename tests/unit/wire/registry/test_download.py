"""Fetching one blob: any interruption at any byte, and the disk's own moods."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.images import describe, noise
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.settings import RegistrySettings
from tidegate_wire.registry.verify import verified_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_wire.registry.descriptor import Descriptor

CONTENT = noise(10_000)
BLOB = describe(CONTENT)
NAME = BLOB.digest.removeprefix("sha256:")


class Breaking:
    """A source that breaks off at the given bytes, one after the other, and then does not any more."""

    def __init__(self, breaks: list[int], content: bytes = CONTENT) -> None:
        self.breaks = breaks
        self.content = content
        self.opened: list[int] = []

    def resolve(self, tag: str) -> str:
        raise AssertionError(tag)

    def manifest(self, digest: str) -> bytes:
        raise AssertionError(digest)

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        raise AssertionError(digest, artifact_type)

    @contextlib.contextmanager
    def open_blob(self, blob: Descriptor, offset: int = 0) -> Iterator[Iterator[bytes]]:
        assert blob == BLOB
        self.opened.append(offset)
        yield self.chunks(offset)

    def chunks(self, offset: int) -> Iterator[bytes]:
        until = self.breaks.pop(0) if self.breaks else None
        end = len(self.content) if until is None else until
        for start in range(offset, end, 1000):
            yield self.content[start : min(start + 1000, end)]
        if until is not None:
            raise TidegateError(Code.IMAGE_UNREACHABLE, "gone")


@given(st.lists(st.integers(min_value=1, max_value=9_999), max_size=6))
def test_no_byte_is_fetched_twice_whatever_breaks_off(breaks: list[int]) -> None:
    source, counts = Breaking(breaks), list[int]()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(len(breaks) + 1):
            with contextlib.suppress(TidegateError):
                fetch_blob(source, BLOB, Path(folder), counts.append, lambda: False)
        assert (Path(folder) / NAME).read_bytes() == CONTENT
    assert sum(counts) == len(CONTENT)
    assert source.opened == sorted(source.opened)


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    source = Breaking([])
    first = fetch_blob(source, BLOB, tmp_path, lambda _: None, lambda: False)
    assert fetch_blob(source, BLOB, tmp_path, lambda _: None, lambda: False) == first == tmp_path / NAME
    assert source.opened == [0]


def test_wrong_content_is_tried_twice_and_leaves_nothing(tmp_path: Path) -> None:
    source = Breaking([], noise(10_000, seed=1))
    with pytest.raises(TidegateError) as caught:
        fetch_blob(source, BLOB, tmp_path, lambda _: None, lambda: False)
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH
    assert source.opened == [0, 0]
    assert list(tmp_path.iterdir()) == []


def test_a_partial_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / f"{NAME}.partial").symlink_to(victim)
    with pytest.raises(TidegateError) as caught:
        fetch_blob(Breaking([]), BLOB, tmp_path, lambda _: None, lambda: False)
    assert caught.value.code is Code.DISK_IO
    assert victim.read_bytes() == b"precious"


def test_a_missing_folder_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(TidegateError) as caught:
        fetch_blob(Breaking([]), BLOB, tmp_path / "missing", lambda _: None, lambda: False)
    assert caught.value.code is Code.DISK_IO


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CONTENT[:-1], "ends after 9999 of 10000 bytes"),
        (CONTENT + b"x", "goes on after the 10000 bytes"),
        (noise(10_000, seed=2), f"has the digest {describe(noise(10_000, seed=2)).digest}"),
        (b"", "ends after 0 of 10000 bytes"),
    ],
)
def test_verified_chunks_never_end_well_on_wrong_content(content: bytes, said: str) -> None:
    with pytest.raises(TidegateError) as caught:
        list(verified_chunks(BLOB, [content[:5000], content[5000:]]))
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH
    assert said in caught.value.reason


def test_settings_name_the_places_of_the_manual_pages(tmp_path: Path) -> None:
    plain = RegistrySettings.from_environment({"HOME": str(tmp_path)}, uid=7)
    config = tmp_path / ".config/containers"
    assert plain.auth_files == (
        Path("/run/containers/7/auth.json"),
        config / "auth.json",
        tmp_path / ".docker/config.json",
    )
    assert plain.registries_conf == Path("/etc/containers/registries.conf")
    assert plain.registries_conf_folders == (
        Path("/etc/containers/registries.conf.d"),
        config / "registries.conf.d",
    )
    config.mkdir(parents=True)
    (config / "registries.conf").touch()
    own = RegistrySettings.from_environment({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/user/7"}, uid=7)
    assert own.auth_files[0] == Path("/run/user/7/containers/auth.json")
    assert own.registries_conf == config / "registries.conf"
    assert own.registries_conf_folders == (config / "registries.conf.d",)


def test_an_explicit_auth_file_comes_before_the_environments() -> None:
    environ = {"REGISTRY_AUTH_FILE": "/env.json"}
    assert RegistrySettings.from_environment(environ, 0).auth_files == (Path("/env.json"),)
    assert RegistrySettings.from_environment(environ, 0, Path("/own.json")).auth_files == (Path("/own.json"),)
