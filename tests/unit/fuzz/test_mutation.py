"""The alterations of the fuzzer: they keep the form, they differ, and they stay small."""

from __future__ import annotations

import base64
import json
from random import Random

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import known
from tests.fuzz.mutation import der
from tests.fuzz.mutation.tree import alter_json

BUNDLE = (known.BUNDLES / "v2.json").read_bytes()
CERTIFICATE = base64.b64decode(json.loads(BUNDLE)["verificationMaterial"]["certificate"]["rawBytes"])


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - reproducible on purpose


def test_der_comes_back_as_it_was() -> None:
    elements = der.read(CERTIFICATE)
    assert elements is not None
    assert b"".join(each.encode() for each in elements) == CERTIFICATE
    assert isinstance(elements[0], der.Element)
    assert elements[0].inner is not None
    assert len(elements[0].inner) == 3  # what is signed, how, and the signature


@pytest.mark.parametrize("raw", [b"\x30", b"\x04\x05abc", b"\x04\x80", b"\x04\x89" + bytes(9)])
def test_what_is_no_der_is_not_read(raw: bytes) -> None:
    assert der.read(raw) is None
    assert der.alter(raw, seeded(1)) == raw


@given(st.randoms(use_true_random=False))
def test_altered_der_is_der(random: Random) -> None:
    assert der.read(der.alter(CERTIFICATE, random)) is not None


def test_some_altered_certificates_can_still_be_read() -> None:
    read = 0
    for seed in range(200):
        altered = der.alter(CERTIFICATE, seeded(seed))
        try:
            x509.load_der_x509_certificate(altered)
        except (ValueError, x509.InvalidVersion):
            continue
        read += altered != CERTIFICATE
    assert read > 20


@given(st.randoms(use_true_random=False))
def test_altered_json_is_json_and_not_huge(random: Random) -> None:
    altered = BUNDLE
    for _ in range(3):
        altered = alter_json(altered, random, known.messages())
    assert len(altered) < 4_000_000
    if len(altered) < 1_000_000:
        json.loads(altered)


def test_the_same_seed_gives_the_same_alteration() -> None:
    results = [alter_json(BUNDLE, seeded(seed), known.messages()) for seed in (1, 1, 2)]
    assert results[0] == results[1] != results[2]


def test_what_is_no_json_stays() -> None:
    assert alter_json(b"{", seeded(1)) == b"{"
