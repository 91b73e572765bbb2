"""What a channel holds, as those who watch read it. PURE."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate_schemas.codes import TidegateError
from tidegate_schemas.statement import ChannelStatement


@dataclass(frozen=True, slots=True)
class Announced:
    """What a channel holds.

    Attributes:
        statement: what it says; None when it cannot be read, or is not believed.
        verified: whether its signatures were checked, and hold.
        compared: whether its signers were compared with a policy.
        signers: who signed, in words; who claims to have, when it was not verified.
        fault: why there is no statement.
    """

    statement: ChannelStatement | None
    verified: bool = False
    compared: bool = False
    signers: tuple[str, ...] = ()
    fault: TidegateError | None = None
