"""Cases 33 and 38: text that must not be read at all."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from tests.trust.case import Scene, bad, signed
from tests.trust.releases import statement
from tidegate_publisher.devstack.sigstore.entry import encode
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

MOST_BYTES = 64 * 1024
_DEEPEST = 32


def _twice(forge: Forge, rekor: RekorVersion, place: bytes, first: bytes) -> Scene:
    """The bundle with a member written before `place`, which names it again."""
    text = forge.signing(rekor).message()
    assert text.count(place) == 1
    return Scene(text.replace(place, first + b"," + place), forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_33f_envelope_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    """An evil envelope before the genuine one."""
    evil = json.dumps({"payload": encode(statement()), "payloadType": "x", "signatures": []}).encode()
    return _twice(forge, rekor, b'"dsseEnvelope":', b'"dsseEnvelope":' + evil)


@bad(Code.STATEMENT_MALFORMED)
def case_33g_envelope_twice_in_other_order(forge: Forge, rekor: RekorVersion) -> Scene:
    """An evil envelope after the genuine one: most readers take the last."""
    text = forge.signing(rekor).message()
    return Scene(text[:-1] + b',"dsseEnvelope":{"payload":"e30="}}', forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_33h_media_type_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    return _twice(forge, rekor, b'"mediaType":', b'"mediaType":"application/json"')


@bad(Code.STATEMENT_MALFORMED)
def case_33i_payload_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    return _twice(forge, rekor, b'"payload":', b'"payload":"' + base64.b64encode(statement()) + b'"')


@bad(Code.STATEMENT_MALFORMED)
def case_33j_payload_twice_in_other_spelling(forge: Forge, rekor: RekorVersion) -> Scene:
    return _twice(forge, rekor, b'"payload":', rb'"\u0070ayload":"e30="')


@bad(Code.STATEMENT_MALFORMED)
def case_33k_log_entries_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    return _twice(forge, rekor, b'"tlogEntries":', b'"tlogEntries":[]')


@bad(Code.STATEMENT_MALFORMED)
def case_33l_checkpoint_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    """At the deepest place of a bundle."""
    return _twice(forge, rekor, b'"envelope":', b'"envelope":"x"')


@bad(Code.STATEMENT_OVERSIZE)
def case_38a_oversize(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine bundle, with blanks at its end up to one byte too many."""
    return Scene(forge.signing(rekor).message().ljust(MOST_BYTES + 1), forge.beliefs)


@bad(Code.STATEMENT_OVERSIZE)
def case_38b_far_oversize(forge: Forge, rekor: RekorVersion) -> Scene:
    return Scene(forge.signing(rekor).message().ljust(8 * 1024 * 1024), forge.beliefs)


def _nested(depth: int) -> bytes:
    return b'{"n":' * depth + b"0" + b"}" * depth


@bad(Code.STATEMENT_MALFORMED)
def case_38c_nested_too_deep(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine bundle with one member more, which is one level too deep."""
    text = forge.signing(rekor).message()
    return Scene(text[:-1] + b',"more":' + _nested(_DEEPEST) + b"}", forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_38d_nested_far_too_deep(forge: Forge, rekor: RekorVersion) -> Scene:
    """Objects and arrays in turn, as deep as the message's size allows."""
    del rekor
    return Scene(b'[{"n":' * (MOST_BYTES // 7), forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_38e_truncated(forge: Forge, rekor: RekorVersion) -> Scene:
    """All but the last byte; the other lengths have a test of their own."""
    return Scene(forge.signing(rekor).message()[:-1], forge.beliefs)


@bad(Code.STATEMENT_MALFORMED, "v1")
def case_38f_not_json(forge: Forge, rekor: RekorVersion) -> Scene:
    del rekor
    return Scene(b"The new image is sha256:..., trust me.", forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_38g_not_utf8(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine bundle in UTF-16."""
    return Scene(forge.signing(rekor).message().decode().encode("utf-16"), forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_38h_stray_byte(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine bundle with a byte that no UTF-8 text has."""
    text = forge.signing(rekor).message()
    return Scene(text.replace(b'"mediaType":"', b'"mediaType":"\xff'), forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_38i_byte_order_mark(forge: Forge, rekor: RekorVersion) -> Scene:
    return Scene(b"\xef\xbb\xbf" + forge.signing(rekor).message(), forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_38j_not_a_number(forge: Forge, rekor: RekorVersion) -> Scene:
    text = forge.signing(rekor).message()
    return Scene(text[:-1] + b',"more":NaN}', forge.beliefs)


@bad(Code.STATEMENT_MALFORMED)
def case_38k_two_bundles(forge: Forge, rekor: RekorVersion) -> Scene:
    """Two genuine bundles, one after the other."""
    return Scene(forge.signing(rekor).message() * 2, forge.beliefs)


@bad(Code.SIGNATURE_MISSING, "v1")
def case_38l_unsigned_statement(forge: Forge, rekor: RekorVersion) -> Scene:
    """The statement itself, which nobody signed."""
    del rekor
    return Scene(statement(), forge.beliefs)


@signed(Code.STATEMENT_MALFORMED)
def case_38m_signed_and_nested_too_deep() -> bytes:
    return statement()[:-1] + b',"more":' + _nested(_DEEPEST) + b"}"


@signed(Code.STATEMENT_MALFORMED)
def case_38n_signed_and_not_a_number() -> bytes:
    return statement()[:-1] + b',"more":NaN}'


@signed(Code.STATEMENT_MALFORMED)
def case_38o_signed_and_truncated() -> bytes:
    return statement()[:-1]


@signed(Code.STATEMENT_MALFORMED)
def case_38p_signed_and_not_utf8() -> bytes:
    return statement().replace(b'"version":"', b'"version":"\xff')


@signed(Code.STATEMENT_SCHEMA)
def case_38q_signed_and_no_object() -> bytes:
    return b"[" + statement() + b"]"
