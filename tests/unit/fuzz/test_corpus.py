"""The committed corpus through the fuzz targets, without atheris: every invariant holds, and could fail."""

from __future__ import annotations

import dataclasses
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.fuzz import known
from tests.fuzz.catalogue import CORPUS, TARGETS
from tests.fuzz.landmarks import LANDMARKS
from tests.fuzz.oracle import Finding, read_plainly, require_clean
from tests.fuzz.targets import events, verify
from tests.support.bundles import PERSON
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import decode
from tidegate_wire.trust.device import read_keys, verify_event
from tidegate_wire.trust.image import verify_image
from tidegate_wire.trust.policy import ImagePolicy
from tidegate_wire.trust.signature import verify_bundle
from tidegate_wire.trust.verify import verify_request, verify_statement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fuzz.catalogue import Target

INPUTS = [(target, path) for target in TARGETS.values() for path in target.inputs()]
CORPUS_BYTES = 400 * 1024


@pytest.mark.parametrize(
    ("target", "path"), INPUTS, ids=[f"{target.name}-{path.name}" for target, path in INPUTS]
)
def test_an_input_breaks_no_invariant(target: Target, path: Path) -> None:
    target.load()(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_alterations_break_no_invariant_either(target: Target) -> None:
    check = target.load()
    for number, path in enumerate(target.inputs()):
        random = Random(number)  # noqa: S311 - reproducible on purpose
        for _ in range(5):
            check(target.alter(path.read_bytes(), random))


def test_every_target_has_seeds_and_the_corpus_is_small() -> None:
    assert all(target.inputs() for target in TARGETS.values())
    files = [path for folder in (CORPUS, known.FOLDER) for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < CORPUS_BYTES


def test_genuine_is_what_trusted_signers_signed() -> None:
    assert {found.identity for found in verify.genuine()} == {PERSON, known.SECOND, "release"}
    stranger = (known.BUNDLES / "stranger-v1.json").read_bytes()
    with pytest.raises(TidegateError):
        verify_bundle(stranger, root=verify.one_signer().root, policy=verify.one_signer().policy)


def test_something_else_that_verifies_is_a_finding() -> None:
    raw = (known.BUNDLES / "second-v1.json").read_bytes()
    found = verify_bundle(raw, root=verify.one_signer().root, policy=verify.one_signer().policy)
    verify.judge([found], verify.genuine())
    with pytest.raises(Finding, match="never signed"):
        verify.judge([dataclasses.replace(found, payload=found.payload + b" ")], verify.genuine())


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("v1", verify.one_signer), ("v2", verify.one_signer), ("second-v1", verify.one_signer),
        ("full-v2", verify.one_signer), ("cosigned", verify.two_signers), ("key", verify.key_pair),
    ],
)  # fmt: skip
def test_a_genuine_seed_is_accepted(name: str, way: Callable[[], verify.Way]) -> None:
    raw = (known.BUNDLES / f"{name}.json").read_bytes()
    found = verify_statement(raw, root=way().root, policy=way().policy, product="os", channel="stable")
    assert len(found.signers) == way().policy.threshold


def test_a_genuine_request_and_image_signature_are_accepted() -> None:
    trusted = verify.one_signer()
    request = (known.BUNDLES / "request-v1.json").read_bytes()
    verify_request(request, root=trusted.root, policy=trusted.policy, host=verify.HOST)
    image, policy = (known.BUNDLES / "image-v1.json").read_bytes(), ImagePolicy(trusted.policy)
    assert verify_image([image], digest=known.IMAGE, root=trusted.root, policy=policy)


def test_the_signed_event_counts_under_the_device_key() -> None:
    keys = read_keys(known.DEVICE_KEY.read_text(), "device.pem")
    assert decode(verify_event(known.SIGNED_EVENT.read_bytes(), keys).payload).subject == events.HOST


def test_a_refusal_with_an_escape_sequence_is_a_finding() -> None:
    require_clean(TidegateError(Code.IMAGE_MALFORMED, "it is broken"))
    with pytest.raises(Finding):
        require_clean(TidegateError(Code.IMAGE_MALFORMED, "it is \x1b[2J"))


def test_refusals_of_one_kind_pass_the_same_landmark() -> None:
    numbers = [
        LANDMARKS.visit(TidegateError(code, reason))
        for code, reason in (
            (Code.IMAGE_MALFORMED, "the key 'a' stands 2 times"),
            (Code.IMAGE_MALFORMED, "the key 'b' stands 3 times"),
            (Code.IMAGE_MALFORMED, "the key 'b' is missing"),
            (Code.STATEMENT_SCHEMA, "the key 'a' stands 2 times"),
        )
    ]
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3


@pytest.mark.parametrize(
    ("raw", "odd"),
    [
        (b'{"a":1,"a":1}', "repeated"),
        (b'[{"b":{"a":1,"a":2}}]', "repeated"),
        (b"[NaN]", "constants"),
        (b"[1e999]", "constants"),
        (b'["\\ud800"]', "surrogates"),
    ],
)
def test_the_reference_sees_what_is_odd(raw: bytes, odd: str) -> None:
    reading = read_plainly(raw)
    assert reading is not None
    assert {name for name in ("repeated", "constants", "surrogates") if getattr(reading, name)} == {odd}


@pytest.mark.parametrize(("raw", "depth"), [(b"1", 0), (b"[]", 1), (b'[{"a":[]},1]', 3)])
def test_the_reference_counts_levels(raw: bytes, depth: int) -> None:
    reading = read_plainly(raw)
    assert reading is not None
    assert reading.depth == depth


def test_an_events_input_carries_properties_topic_and_payload() -> None:
    message = events.as_message(b"status\nid: a: b\n\n{}")
    assert (message.topic.rpartition("/")[2], message.payload) == ("status", b"{}")
    assert message.properties == (("id", "a: b"),)
    assert events.as_message(b'{"a":\n\n1}').payload == b'{"a":\n\n1}'
