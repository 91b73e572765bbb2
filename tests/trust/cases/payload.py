"""Cases 32 to 34: truly signed, and no statement that a host can act on."""

from __future__ import annotations

import json
from typing import Final

from tests.trust.case import signed
from tests.trust.images import EVIL, NEXT
from tests.trust.releases import statement, statement_with
from tidegate_schemas.codes import Code


def _twice(place: bytes, first: bytes) -> bytes:
    """The statement with a member written before `place`, which names it again."""
    text = statement()
    assert text.count(place) == 1
    return text.replace(place, first + b"," + place)


_SUBJECT: Final = {"digest": {"sha256": EVIL.digest.removeprefix("sha256:")}}
_OTHER_HEX: Final = NEXT.digest.removeprefix("sha256:").encode()


@signed(Code.STATEMENT_TYPE)
def case_32a_other_statement_type() -> bytes:
    return statement_with(_type="https://in-toto.io/Statement/v0.1")


@signed(Code.STATEMENT_TYPE)
def case_32b_other_predicate_type() -> bytes:
    return statement_with(predicateType="https://slsa.dev/provenance/v1")


@signed(Code.STATEMENT_TYPE)
def case_32c_no_statement_type() -> bytes:
    return statement_with(_type=None)


@signed(Code.STATEMENT_TYPE)
def case_32d_no_predicate_type() -> bytes:
    return statement_with(predicateType=None)


@signed(Code.STATEMENT_TYPE)
def case_32e_predicate_type_with_more() -> bytes:
    return statement_with(predicateType="https://tidegate.dev/channel/v1.1")


@signed(Code.STATEMENT_MALFORMED)
def case_33a_type_twice_in_the_statement() -> bytes:
    return _twice(b'"predicateType":', b'"predicateType":"https://slsa.dev/provenance/v1"')


@signed(Code.STATEMENT_MALFORMED)
def case_33b_digest_twice_in_the_statement() -> bytes:
    return _twice(b'"sha256":', b'"sha256":"' + _OTHER_HEX + b'"')


@signed(Code.STATEMENT_MALFORMED)
def case_33c_sequence_twice_in_the_statement() -> bytes:
    return _twice(b'"sequence":', b'"sequence":12')


@signed(Code.STATEMENT_MALFORMED)
def case_33d_key_twice_in_other_spelling() -> bytes:
    return _twice(b'"sequence":', rb'"\u0073equence":11')


@signed(Code.STATEMENT_MALFORMED)
def case_33e_the_same_said_twice() -> bytes:
    return _twice(b'"seed":', b'"seed":"seed"')


@signed(Code.STATEMENT_SCHEMA)
def case_34a_no_subject() -> bytes:
    return statement_with(subject=None)


@signed(Code.STATEMENT_SCHEMA)
def case_34b_empty_subject() -> bytes:
    return statement_with(subject=[])


@signed(Code.STATEMENT_SCHEMA)
def case_34c_only_sha512() -> bytes:
    return statement_with(subject=[{"digest": {"sha512": "a" * 128}}])


@signed(Code.STATEMENT_SCHEMA)
def case_34d_two_subjects() -> bytes:
    return statement_with(subject=[_SUBJECT, {"digest": {"sha256": _OTHER_HEX.decode()}}])


@signed(Code.STATEMENT_SCHEMA)
def case_34e_one_subject_twice() -> bytes:
    return statement_with(subject=[_SUBJECT, _SUBJECT])


@signed(Code.STATEMENT_SCHEMA)
def case_34f_digest_in_capitals() -> bytes:
    return statement_with(
        subject=[json.loads(json.dumps(_SUBJECT).upper().replace("DIGEST", "digest").replace("SHA", "sha"))]
    )
