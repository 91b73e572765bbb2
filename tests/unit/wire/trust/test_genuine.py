"""Bundles that must be believed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import (
    PERSON,
    a_message,
    accepted,
    root_of,
)
from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, LocalSigstore

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def test_a_genuine_bundle_is_accepted(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    payload = a_statement(sequence=7).to_json()
    message = a_message(sigstore, payload, rekor=rekor)
    found = accepted(message, root_of(sigstore))
    assert found.payload == payload
    assert found.statement.predicate.sequence == 7
    assert (found.identity, found.issuer) == (PERSON, DEVELOPMENT_ISSUER)
    assert found.signed_at_least == NOON


@pytest.mark.parametrize("years", [-40, 60])
def test_the_systems_clock_decides_nothing(rekor: RekorVersion, years: int) -> None:
    then = NOON + timedelta(days=365 * years)
    sigstore = LocalSigstore.create(then)
    message = a_message(sigstore, a_statement(issued_at=then).to_json(), rekor=rekor, now=then)
    found = accepted(message, root_of(sigstore))
    assert found.signed_at_least == then


def test_a_subject_without_name_is_accepted(sigstore: LocalSigstore) -> None:
    content = json.loads(a_statement().to_json())
    del content["subject"][0]["name"]
    message = a_message(sigstore, json.dumps(content).encode())
    found = accepted(message, root_of(sigstore))
    assert found.statement.subject[0].name is None
