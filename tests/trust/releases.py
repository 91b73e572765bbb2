"""What is released in these tests, and when: the running image, forgeries, and the truth that comes after."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from tests.support.statements import NOON, a_statement
from tests.trust.images import EVIL, NEXT

INSTALLED: Final = NOON
"""When the running image was released and installed."""

SIGNED: Final = NOON + timedelta(hours=1)
"""When all messages are signed and heard, where a case does not say otherwise."""

FIRST_SEQUENCE: Final = 10
"""Of the running image's statement; forged ones have the next, the truth after them the next but one."""


def statement(digest: str = EVIL.digest, **changes: Any) -> bytes:
    """A statement that a host would take up, if it were signed by the right signer."""
    fields = {"sequence": FIRST_SEQUENCE + 1, "issued_at": SIGNED, **changes}
    return a_statement(digest, **fields).to_json()


def the_truth(**changes: Any) -> bytes:
    """The statement of the release that comes after the running one, and after all forgeries."""
    return statement(NEXT.digest, **{"sequence": FIRST_SEQUENCE + 2, **changes})


def statement_with(**changes: object) -> bytes:
    """The same, with fields of the statement itself replaced, or left out where they are None."""
    content = json.loads(statement()) | changes
    return json.dumps({name: value for name, value in content.items() if value is not None}).encode()
