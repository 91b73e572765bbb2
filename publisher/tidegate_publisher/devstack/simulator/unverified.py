"""Taking messages at their word, for measurements in which signatures are not what is measured."""

from __future__ import annotations

import base64
import binascii

from tidegate_publisher.ports import SignerId, Verified
from tidegate_schemas import jsontext
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import parse_statement


class Unverified:
    """Reads the statement out of its envelope and believes it. See letters.Verifying."""

    def verify(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """What it says, whoever says it.

        Raises:
            TidegateError: STATEMENT_*, when it is no envelope around a statement for this target.
        """
        payload = _payload(message)
        statement = parse_statement(payload)
        predicate = statement.predicate
        if target is not None and (predicate.product, predicate.channel) != target:
            raise TidegateError(
                Code.STATEMENT_TARGET, f"it speaks for {predicate.product}/{predicate.channel}"
            )
        return Verified(statement, (SignerId("nobody looked", "nobody looked"),), payload)


def _payload(message: bytes) -> bytes:
    bundle = jsontext.parse(message)
    try:
        return base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True)  # type: ignore[index] # what is not so raises TypeError
    except (KeyError, TypeError, IndexError, binascii.Error) as error:
        raise TidegateError(Code.STATEMENT_SCHEMA, "it is no bundle with an envelope") from error
