"""What messages claim, for people to look at: every bundle of them, of either kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import PERSON, a_message, broken
from tests.support.key_pairs import KeyPair
from tests.support.statements import a_statement
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.cosigned import MEDIA_TYPE, join
from tidegate_wire.trust.describe import UnverifiedDescription, UnverifiedKey, describe_message

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore import LocalSigstore

PAYLOAD = a_statement().to_json()
BY_KEY = KeyPair().bundle(PAYLOAD)


def refusal(raw: bytes) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        describe_message(raw)
    return caught.value


def test_certificates_and_keys_side_by_side(sigstore: LocalSigstore) -> None:
    first, second = describe_message(join([a_message(sigstore), BY_KEY]))
    assert isinstance(first, UnverifiedDescription)
    assert isinstance(second, UnverifiedKey)
    assert (first.identity, second.hint) == (PERSON, "any")
    assert first.payload == second.payload == PAYLOAD
    assert first.statement == second.statement == a_statement()


def test_a_key_bundle_that_holds_something_else() -> None:
    (found,) = describe_message(KeyPair().bundle(b"{}", "text/plain"))
    assert (found.statement, found.payload, found.payload_type) == (None, b"{}", "text/plain")
    assert found.fault is not None


def test_a_fault_is_that_of_the_bundles_own_kind(sigstore: LocalSigstore) -> None:
    by_key = broken(BY_KEY, lambda bundle: bundle["dsseEnvelope"].update(signatures=[]))
    assert refusal(by_key).code is Code.SIGNATURE_MISSING
    by_person = broken(
        a_message(sigstore), lambda bundle: bundle["verificationMaterial"].update(tlogEntries=[])
    )
    assert refusal(by_person).code is Code.SIGNATURE_LOG


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"verificationMaterial": []},
        {"verificationMaterial": {"publicKey": None}},
        {"mediaType": MEDIA_TYPE, "bundles": [{"verificationMaterial": {"publicKey": {}}}]},
        {"mediaType": MEDIA_TYPE, "bundles": [json.loads(BY_KEY), 7]},
    ],
)
def test_whatever_else_is_refused(content: object) -> None:
    assert refusal(json.dumps(content).encode()).code.startswith("signature.")
