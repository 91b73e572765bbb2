"""Which entry of an index is for this host."""

from __future__ import annotations

import json

import pytest

from tests.support.images import describe, plain
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import Index
from tidegate_wire.registry.media_types import OCI_INDEX, OCI_MANIFEST
from tidegate_wire.registry.platform import own_architecture, select_platform


def entry(platform: str, seed: int, media_type: str = OCI_MANIFEST) -> dict[str, object]:
    os, architecture, *variant = platform.split("/")
    stated = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
    return {**plain(describe(str(seed).encode(), media_type)), "platform": stated}


def chosen(entries: list[str], arch: str, variant: str | None = None) -> int:
    manifests = [entry(name, at) for at, name in enumerate(entries)]
    found = Index.model_validate_json(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    selected = select_platform(found, arch, variant)
    return [manifest.digest for manifest in found.manifests].index(selected.digest)


@pytest.mark.parametrize(
    ("entries", "arch", "variant", "expected"),
    [
        (["linux/arm64", "linux/amd64"], "amd64", None, 1),
        (["linux/amd64", "linux/amd64"], "amd64", None, 0),
        (["windows/amd64", "linux/amd64"], "amd64", None, 1),
        (["linux/amd64/v3", "linux/amd64"], "amd64", None, 1),
        (["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "amd64", "v3", 1),
        (["linux/arm/v6", "linux/arm/v7", "linux/arm/v8"], "arm", None, 1),
        (["linux/arm/v7", "linux/arm/v5"], "arm", "v6", 1),
        (["linux/arm64/v8"], "arm64", None, 0),
        (["linux/arm64"], "arm64", "v8", 0),
        (["linux/riscv64"], "riscv64", None, 0),
        (["unknown/unknown", "linux/amd64"], "amd64", None, 1),
    ],
)
def test_the_best_entry_that_runs_here_is_chosen(
    entries: list[str], arch: str, variant: str | None, expected: int
) -> None:
    assert chosen(entries, arch, variant) == expected


@pytest.mark.parametrize("entries", [[], ["linux/arm64"], ["linux/amd64/v3"], ["windows/amd64"]])
def test_an_index_without_our_platform_says_what_it_has(entries: list[str]) -> None:
    with pytest.raises(TidegateError) as caught:
        chosen(entries, "amd64")
    assert caught.value.code is Code.IMAGE_PLATFORM
    assert "linux/amd64" in caught.value.reason
    assert all(name in caught.value.reason for name in entries)


def test_an_entry_that_is_no_image_is_passed_over() -> None:
    nested = Index.model_validate_json(
        json.dumps({"schemaVersion": 2, "manifests": [entry("linux/amd64", 1, OCI_INDEX)]})
    )
    with pytest.raises(TidegateError):
        select_platform(nested, "amd64")


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv7l", "arm"), ("riscv64", "riscv64")],
)
def test_a_machine_is_known_by_its_name_in_images(machine: str, architecture: str) -> None:
    assert own_architecture(machine) == architecture
