"""Signed content that is no channel statement (steps 4 and 5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.bundles import (
    a_message,
    refusal,
)
from tests.support.statements import a_statement
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore import LocalSigstore


def _statement_with(**changes: object) -> bytes:
    return json.dumps(json.loads(a_statement().to_json()) | changes).encode()


def test_signed_content_that_is_no_channel_statement(sigstore: LocalSigstore) -> None:
    sha512, sha256 = {"digest": {"sha512": "a" * 128}}, {"digest": {"sha256": "a" * 64}}
    a_statement().to_json().replace(b'"sequence":1', b'"sequence":true')
    contents = [
        (_statement_with(_type="https://in-toto.io/Statement/v0.1"), Code.STATEMENT_TYPE),
        (_statement_with(predicateType="https://slsa.dev/provenance/v1"), Code.STATEMENT_TYPE),
        (_statement_with(subject=[]), Code.STATEMENT_SCHEMA),
        (_statement_with(subject=[sha512]), Code.STATEMENT_SCHEMA),
        (_statement_with(subject=[sha256, sha256]), Code.STATEMENT_SCHEMA),
        (
            a_statement(sequence=1).to_json().replace(b'"sequence":1', b'"sequence":true'),
            Code.STATEMENT_SCHEMA,
        ),
        (a_statement(critical=("doors",)).to_json(), Code.STATEMENT_CRITICAL),
        (b'{"_type": "x", "_type": "y"}', Code.STATEMENT_MALFORMED),
        (b"not JSON", Code.STATEMENT_MALFORMED),
        (a_statement(product="router").to_json(), Code.STATEMENT_TARGET),
        (a_statement(channel="beta").to_json(), Code.STATEMENT_TARGET),
    ]
    for content, code in contents:
        assert refusal(a_message(sigstore, content), sigstore).code is code


def test_signed_content_of_another_type(sigstore: LocalSigstore) -> None:
    message = a_message(sigstore, payload_type="application/json")
    assert refusal(message, sigstore).code is Code.STATEMENT_TYPE
