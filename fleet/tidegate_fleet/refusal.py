"""Why a word of a host is not taken in. PURE."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a word was not taken in: what collectors count, and their metrics tell.

    `COLLISION` has the id of an earlier event and another content, `FLOOD` is one of too many of its host,
    `MALFORMED` is no word of this contract or speaks for another host, `STRANGER` is of a host beyond the
    cap, `UNSIGNED` is signed by no device key of its host, or by no signer of the policy, and `UNSTORABLE` is
    what no database takes.
    """

    COLLISION = "collision"
    FLOOD = "flood"
    MALFORMED = "malformed"
    STRANGER = "stranger"
    UNSIGNED = "unsigned"
    UNSTORABLE = "unstorable"
