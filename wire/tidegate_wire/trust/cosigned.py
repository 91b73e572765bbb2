"""One statement, signed by several: a message that holds a bundle from each of them.

A Sigstore bundle has room for one signature, so the bundles stand side by side. Each is verified by itself,
and the signed bytes must be the same in all of them. A plain bundle is a message with one.

    {"mediaType": "application/vnd.tidegate.cosigned.v1+json", "bundles": [{…}, {…}]}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import Code
from tidegate_wire.trust.shape import BundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_wire.trust.signed import Signed

MEDIA_TYPE: Final = "application/vnd.tidegate.cosigned.v1+json"
MAX_BUNDLES: Final = 8
"""Signers of one statement. A bundle has 5 to 8 KiB, and all of them together 64 KiB at most."""


def split(raw: bytes, cap: int = limits.STATEMENT_BYTES) -> tuple[bytes, ...]:
    """The bundles of a message, none of them looked into.

    Raises:
        JsonError: it is too large, too deep or not JSON.
        BundleError: it is meant to be cosigned and is not.
    """
    content = jsontext.parse(raw, cap)
    if not isinstance(content, dict) or content.get("mediaType") != MEDIA_TYPE:
        return (raw,)
    bundles = content.get("bundles")
    if not isinstance(bundles, list) or not bundles or content.keys() != {"mediaType", "bundles"}:
        raise BundleError(Code.SIGNATURE_MALFORMED, "a cosigned message holds bundles and nothing else")
    if len(bundles) > MAX_BUNDLES:
        text = f"the message holds {len(bundles)} bundles, and {MAX_BUNDLES} are looked at"
        raise BundleError(Code.SIGNATURE_MALFORMED, text)
    return tuple(_text(bundle) for bundle in bundles)


def join(bundles: Sequence[bytes]) -> bytes:
    """The message with these bundles; a single one stays as it is."""
    if len(bundles) == 1:
        return bundles[0]
    return _text({"mediaType": MEDIA_TYPE, "bundles": [json.loads(bundle) for bundle in bundles]})


def quorum(signed: Sequence[Signed]) -> int:
    """How many different signers of the policy stand behind it.

    Who signs twice counts once, also a workflow at two tags, and so does a signer of the policy as whom two
    have signed: it is the largest number of pairs of one who signed and one who is trusted.
    """
    persons: dict[tuple[str, str], frozenset[int]] = {}
    for one in signed:
        persons[one.person] = persons.get(one.person, frozenset()) | one.stands_for
    taken: dict[int, tuple[str, str]] = {}

    def place(person: tuple[str, str], tried: set[int]) -> bool:
        for signer in persons[person] - tried:
            tried.add(signer)
            if signer not in taken or place(taken[signer], tried):
                taken[signer] = person
                return True
        return False

    return sum(place(person, set()) for person in persons)


def _text(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
