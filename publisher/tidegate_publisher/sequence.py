"""The rules about sequences. Pure.

A channel's sequence only grows. Hosts keep the highest that they have seen: a lower one is a replay to them,
and an equal one with other content is equivocation (docs/threats.md, step 7). The publisher refuses both.
"""

from __future__ import annotations

from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError


def choose_sequence(announced: int | None, wanted: int | None) -> int:
    """The sequence for a new statement.

    Args:
        announced: where the channel stands, None when nothing is announced.
        wanted: what the release asks for, None to take the next.

    Raises:
        TidegateError: SEQUENCE_LOWER when `wanted` is not above `announced`, or no higher one exists.
    """
    if wanted is None:
        wanted = (announced or 0) + 1
    if announced is not None and wanted <= announced:
        raise TidegateError(
            Code.SEQUENCE_LOWER,
            f"The release asks for sequence {wanted}, but the channel stands at {announced}",
        )
    if wanted > limits.SEQUENCE:
        raise TidegateError(
            Code.SEQUENCE_LOWER, f"The channel stands at {announced}, the highest sequence there is"
        )
    return wanted


def may_replace(announced: int | None, sequence: int, *, same_content: bool) -> bool:
    """Whether a finished statement still has to be published: False when the channel holds exactly it.

    Raises:
        TidegateError: SEQUENCE_LOWER for a lower sequence, STATEMENT_EQUIVOCATION for an equal one with
            other content.
    """
    if announced is None or sequence > announced:
        return True
    if sequence < announced:
        raise TidegateError(
            Code.SEQUENCE_LOWER,
            f"The statement has sequence {sequence}, but the channel stands at {announced}",
        )
    if not same_content:
        raise TidegateError(
            Code.STATEMENT_EQUIVOCATION,
            f"The channel holds another statement with the same sequence {sequence}",
        )
    return False
