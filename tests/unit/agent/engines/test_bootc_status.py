"""Reading bootc's status: every trap of it, and the stand-in's against the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.standins import bootc_status
from tests.support.standins.sysroot import Sysroot
from tidegate_agent.engines.bootc.status import Entry, HostStatus, Image, parse_status
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = json.loads(Path(__file__).parents[3].joinpath("golden/bootc-status.schema.json").read_text())
MANIFEST, INDEX = "sha256:" + "a" * 64, "sha256:" + "b" * 64
OLD = "sha256:" + "c" * 64


def deployment(reference: str = f"registry.example.com/os@{INDEX}", **more: Any) -> dict[str, Any]:
    return {"id": 1, "reference": reference, "manifest": MANIFEST, "version": None, "layers": [], **more}


def status(staged: Any = None, booted: Any = None, rollback: Any = None) -> dict[str, Any]:
    return bootc_status.host(*(each and bootc_status.entry(each) for each in (booted, staged, rollback)))


def image(found: HostStatus) -> Image:
    assert found.booted is not None
    assert found.booted.image is not None
    return found.booted.image


def test_all_slots_are_read() -> None:
    document = status(
        deployment(locked=True, soft=True), deployment(), deployment("r.example/os:1", manifest=OLD)
    )
    document["status"]["rollbackQueued"] = True
    found = parse_status(document)
    pinned = Image(f"registry.example.com/os@{INDEX}", "registry", MANIFEST)
    assert found.staged == Entry(pinned, incompatible=False, locked=True, soft_rebootable=True)
    assert found.booted == Entry(pinned, incompatible=False, locked=False, soft_rebootable=False)
    assert found.rollback is not None
    assert found.rollback.image == Image("r.example/os:1", "registry", OLD)
    assert found.rollback_queued
    assert not found.read_only


def test_the_announced_digest_is_the_pins_and_not_the_manifests() -> None:
    assert image(parse_status(status(booted=deployment()))).pin == INDEX


@pytest.mark.parametrize("reference", ["r.example/os:1", "r.example/os", "localhost:5000/os"])
def test_a_tag_is_no_pin(reference: str) -> None:
    assert image(parse_status(status(booted=deployment(reference)))).pin is None


def test_a_layout_is_never_pinned() -> None:
    found = parse_status(status(booted=deployment(f"/var/x@{INDEX}", transport="oci")))
    assert image(found).pin is None


@pytest.mark.parametrize("signature", ["containerPolicy", "insecure", {"ostreeRemote": "fedora"}])
def test_a_signature_is_a_word_or_an_object(signature: object) -> None:
    assert image(parse_status(status(booted=deployment(signature=signature)))).pin == INDEX


def test_what_was_layered_upon_has_no_image() -> None:
    found = parse_status(status(booted=deployment(incompatible=True)))
    assert found.booted == Entry(None, incompatible=True, locked=False, soft_rebootable=False)


def test_a_host_that_bootc_did_not_boot_has_no_booted_entry() -> None:
    found = parse_status(status())
    assert (found.booted, found.staged, found.rollback) == (None, None, None)


def test_fields_that_an_old_release_does_not_know_are_false() -> None:
    document = status(deployment(), deployment())
    for slot in ("staged", "booted"):
        for field in ("downloadOnly", "softRebootCapable", "store", "cachedUpdate", "composefs"):
            del document["status"][slot][field]
    for field in ("readOnly", "usrOverlay", "rollbackQueued"):
        del document["status"][field]
    document["apiVersion"] = "org.containers.bootc/v1alpha1"
    found = parse_status(document)
    assert found.staged is not None
    assert (found.staged.locked, found.staged.soft_rebootable) == (False, False)
    assert not found.rollback_queued


def test_fields_that_a_new_release_adds_are_passed_over() -> None:
    document = status(deployment(), deployment())
    document["status"]["staged"]["novelty"] = [{}]
    document["status"]["novelty"] = document["novelty"] = 1
    assert parse_status(document).staged is not None


def test_what_an_edit_repeats_is_the_spec_as_it_was() -> None:
    document = status(booted=deployment())
    document["spec"] = {
        "image": {"image": "x", "transport": "registry", "novelty": 1},
        "bootOrder": "default",
    }
    assert parse_status(document).document == {key: document[key] for key in ("apiVersion", "kind", "spec")}


def put(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (put("kind", value="Pod"), "kind"),
        (put("apiVersion", value="org.containers.bootc/v2"), "apiVersion"),
        (put("apiVersion", value=7), "apiVersion"),
        (put("status", value=[]), "status"),
        (put("spec", value="x"), "spec"),
        (put("status", "booted", value="x"), "status.booted"),
        (put("status", "booted", "image", value=[]), "status.booted.image"),
        (put("status", "booted", "image", "image", value=None), "status.booted.image.image"),
        (put("status", "booted", "image", "imageDigest", value=1), "status.booted.image.imageDigest"),
        (put("status", "booted", "image", "image", "image", value=None), "status.booted.image.image.image"),
        (put("status", "booted", "downloadOnly", value="false"), "status.booted.downloadOnly"),
        (put("status", "rollbackQueued", value=None), "status.rollbackQueued"),
        (put("status", "otherDeployments", value={}), "status.otherDeployments"),
        (put("status", "otherDeployments", value=[{}] * 65), "status.otherDeployments"),
    ],
)
def test_another_type_than_the_schemas_is_refused(
    change: Callable[[dict[str, Any]], None], place: str
) -> None:
    document = status(booted=deployment())
    change(document)
    with pytest.raises(EngineError, match=place) as caught:
        parse_status(document)
    assert caught.value.code is Code.ENGINE_OUTPUT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["status", "image", "booted", "x"]), inner)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([(), ("status",), ("status", "booted"), ("status", "booted", "image")]))
def test_no_document_ends_in_anything_but_a_status_or_an_engine_error(
    value: Any, path: tuple[str, ...]
) -> None:
    document: Any = status(booted=deployment())
    if path:
        put(*path, value=value)(document)
    else:
        document = value
    try:
        found: HostStatus | Code = parse_status(document)
    except EngineError as error:
        found = error.code
    assert isinstance(found, HostStatus) or found is Code.ENGINE_OUTPUT


def standin(folder: Path, **more: Any) -> Sysroot:
    sysroot = Sysroot(folder)
    sysroot.install(deployment("r.example/os:1", **more))
    return sysroot


def boot_into(sysroot: Sysroot, manifest: str) -> None:
    sysroot.stage(deployment(manifest=manifest), locked=False)
    sysroot.finalize()
    sysroot.boot(0)


@pytest.mark.parametrize(
    "more",
    [{}, {"incompatible": True}, {"signature": "containerPolicy"}, {"signature": {"ostreeRemote": "x"}}],
)
def test_what_the_stand_in_says_fits_the_schema_at_every_stage(tmp_path: Path, more: Any) -> None:
    sysroot, validator = standin(tmp_path, pinned=True, **more), Draft202012Validator(SCHEMA)
    shown = [bootc_status.document(sysroot)]
    boot_into(sysroot, MANIFEST)
    boot_into(sysroot, OLD)
    shown.append(bootc_status.document(sysroot))
    sysroot.stage(deployment(), locked=True)
    shown.append(bootc_status.document(sysroot))
    sysroot.swap()
    shown.append(bootc_status.document(sysroot))
    sysroot.write("release.json", {"not_booted": True})
    shown.append(bootc_status.document(sysroot))
    for document in shown:
        validator.validate(document)
        parse_status(document)
    assert ["otherDeployments" in document["status"] for document in shown] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert shown[2]["spec"]["image"]["image"] == f"registry.example.com/os@{INDEX}"
    assert shown[3]["status"]["staged"] is None


def test_the_schema_finds_what_does_not_fit() -> None:
    document = status(booted=deployment())
    del document["status"]["booted"]["image"]["imageDigest"]
    assert not Draft202012Validator(SCHEMA).is_valid(document)
