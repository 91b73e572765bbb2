"""Case 39: genuine, and not to be taken up here and now; the host's memory says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tests.trust.case import Scene, bad, signed
from tests.trust.releases import FIRST_SEQUENCE, SIGNED, statement
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

_DAY: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=90)
_FURTHEST: Final = 1_000_000


@signed(Code.STATEMENT_ROLLBACK, decider="agent")
def case_39a_rollback() -> bytes:
    return statement(sequence=FIRST_SEQUENCE - 1)


@signed(Code.STATEMENT_EQUIVOCATION, decider="agent")
def case_39b_equivocation() -> bytes:
    return statement(sequence=FIRST_SEQUENCE)


@bad(Code.STATEMENT_EXPIRED, decider="agent")
def case_39c_expired(forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed twenty days ago for fourteen, and withheld until now."""
    then = SIGNED - 20 * _DAY
    return Scene(forge.signing(rekor, statement(issued_at=then), at=then).message(), forge.beliefs)


@bad(Code.STATEMENT_EXPIRED, decider="agent")
def case_39d_expires_now(forge: Forge, rekor: RekorVersion) -> Scene:
    """At this very moment: the end is excluded."""
    then = SIGNED - _DAY
    payload = statement(issued_at=then, expires=SIGNED)
    return Scene(forge.signing(rekor, payload, at=then).message(), forge.beliefs)


@signed(Code.STATEMENT_NOT_YET_VALID, decider="agent")
def case_39e_not_yet_valid() -> bytes:
    """Dated a second further ahead than two honest clocks may differ."""
    return statement(issued_at=SIGNED + timedelta(minutes=5, seconds=1))


@signed(Code.STATEMENT_VALIDITY, decider="agent")
def case_39f_valid_for_too_long() -> bytes:
    return statement(expires=SIGNED + _LONGEST + timedelta(seconds=1))


@signed(Code.STATEMENT_FAST_FORWARD, decider="agent")
def case_39g_fast_forward() -> bytes:
    return statement(sequence=FIRST_SEQUENCE + _FURTHEST + 1)


@signed(Code.STATEMENT_TARGET)
def case_39h_wrong_channel() -> bytes:
    return statement(channel="beta")


@signed(Code.STATEMENT_TARGET)
def case_39i_wrong_product() -> bytes:
    return statement(product="router")


@signed(Code.STATEMENT_TARGET)
def case_39j_channel_with_more() -> bytes:
    return statement(channel="stable-2")


def _with_sequence(text: bytes) -> bytes:
    place = b'"sequence":%d' % (FIRST_SEQUENCE + 1)
    assert statement().count(place) == 1
    return statement().replace(place, b'"sequence":' + text)


@signed(Code.STATEMENT_SCHEMA)
def case_39k_sequence_true() -> bytes:
    """`True` is a number in Python."""
    return _with_sequence(b"true")


@signed(Code.STATEMENT_SCHEMA)
def case_39l_sequence_as_text() -> bytes:
    return _with_sequence(b'"11"')


@signed(Code.STATEMENT_SCHEMA)
def case_39m_sequence_as_fraction() -> bytes:
    return _with_sequence(b"11.5")


@signed(Code.STATEMENT_SCHEMA)
def case_39n_sequence_beyond_what_json_holds() -> bytes:
    return _with_sequence(b"%d" % 2**53)


@signed(Code.STATEMENT_SCHEMA)
def case_39o_no_sequence() -> bytes:
    return statement().replace(b'"sequence":%d,' % (FIRST_SEQUENCE + 1), b"")


@signed(Code.STATEMENT_SCHEMA)
def case_39p_never_valid() -> bytes:
    """It ends when it begins."""
    return _spelled(statement(expires=SIGNED + _DAY), b"2026-03-03T13:00:00Z", b"2026-03-02T13:00:00Z")


def _spelled(text: bytes, old: bytes, new: bytes) -> bytes:
    assert text.count(old) == 1
    return text.replace(old, new)
