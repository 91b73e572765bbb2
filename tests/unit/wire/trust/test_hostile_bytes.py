"""Bytes that are no bundle at all: refused cheaply, with a code, and never with another kind of error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import a_message, broken, refusal
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.describe import describe_unverified

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

GARBAGE = {
    "empty": (b"", Code.STATEMENT_MALFORMED),
    "not UTF-8": (b'{"mediaType": "\xff"}', Code.STATEMENT_MALFORMED),
    "UTF-16": ('{"mediaType": 1}'.encode("utf-16"), Code.STATEMENT_MALFORMED),
    "byte order mark": (b"\xef\xbb\xbf{}", Code.STATEMENT_MALFORMED),
    "text": (b"hello", Code.STATEMENT_MALFORMED),
    "zeroes": (bytes(1000), Code.STATEMENT_MALFORMED),
    "not a number": (b'{"mediaType": NaN}', Code.STATEMENT_MALFORMED),
    "deep lists": (b"[" * 30_000 + b"]" * 30_000, Code.STATEMENT_MALFORMED),
    "deep objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Code.STATEMENT_MALFORMED),
    "a key twice": (b'{"mediaType": 1, "mediaType": 2}', Code.STATEMENT_MALFORMED),
    "a huge number": (b'{"mediaType": ' + b"9" * 60_000 + b"}", Code.STATEMENT_MALFORMED),
    "oversized": (b" " * (limits.STATEMENT_BYTES + 1), Code.STATEMENT_OVERSIZE),
    "null": (b"null", Code.SIGNATURE_MISSING),
    "a list": (b"[]", Code.SIGNATURE_MISSING),
    "an empty object": (b"{}", Code.SIGNATURE_MISSING),
    "a certificate and nothing else": (b'{"verificationMaterial": {}}', Code.SIGNATURE_MALFORMED),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage(sigstore: LocalSigstore, kind: str) -> None:
    raw, code = GARBAGE[kind]
    assert refusal(raw, sigstore).code is code


def test_a_bundle_cut_off_anywhere(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    message = a_message(sigstore, rekor=rekor)
    for end in range(0, len(message), 50):
        assert refusal(message[:end], sigstore).code is Code.STATEMENT_MALFORMED


def test_a_bundle_with_something_behind_it(sigstore: LocalSigstore) -> None:
    message = a_message(sigstore)
    assert refusal(message + b"{}", sigstore).code is Code.STATEMENT_MALFORMED


def test_a_repeated_key_deep_inside(sigstore: LocalSigstore) -> None:
    message = a_message(sigstore).replace(b'"payloadType":', b'"payloadType":"text/plain","payloadType":')
    assert refusal(message, sigstore).code is Code.STATEMENT_MALFORMED


def test_no_escape_sequence_gets_into_a_sentence(sigstore: LocalSigstore) -> None:
    evil = "\x1b[2J\n<b>"
    changes = [
        broken(a_message(sigstore), lambda data: data.update({evil: 1})),
        broken(a_message(sigstore), lambda data: data.update(mediaType=evil)),
        a_message(sigstore, payload_type=evil),
        a_message(sigstore, email="\x1b\x07evil@example.org"),  # what Python 3.13 still takes for an address
        b'{"\\u001b[2J": 1, "\\u001b[2J": 2}',
    ]
    for message in changes:
        assert refusal(message, sigstore).reason.isprintable()


def test_describing_garbage_raises_the_same_codes() -> None:
    for raw, code in GARBAGE.values():
        with pytest.raises(TidegateError) as caught:
            describe_unverified(raw)
        assert caught.value.code is code
