"""Words of newer agents, whose codes this version does not know. PURE.

The registry of codes grows, and agents may be newer than whoever listens: what such a word tells beside its
code is worth no less. The code is taken into the reason's words.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tidegate_schemas import limits
from tidegate_schemas.codes import Code

_KNOWN: Final = frozenset(Code)
_CODE: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_LONGEST: Final = 64


def known_code(code: str | None) -> Code | None:
    """A code that was kept; None also where a newer tidegate kept one that this version does not know."""
    return Code(code) if code in _KNOWN else None


def in_known_words(raw: bytes) -> bytes | None:
    """An event (or its data alone), or a status, with unknown codes in its reasons; None when it has none.

    Args:
        raw: as JSON; bounded by the caller.
    """
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return json.dumps(content).encode() if _mend(content) else None


def _mend(content: Any) -> bool:  # noqa: ANN401 -- whatever JSON holds
    if not isinstance(content, dict):
        return False
    follows = content.get("follows")
    each = follows if isinstance(follows, list) else []
    parts = [content, content.get("data"), content.get("trust"), *each]
    changed = [_mend_part(part, None) for part in parts if isinstance(part, dict)]
    fault = content.get("fault")
    if isinstance(fault, dict):
        # It says that there is a fault, and has to have a code.
        changed.append(_mend_part(fault, Code.INTERNAL_ERROR))
    return any(changed)


def _mend_part(part: dict[str, Any], instead: Code | None) -> bool:
    code, reason = part.get("code"), part.get("reason", "")
    if not isinstance(code, str) or code in _KNOWN or not isinstance(reason, str):
        return False
    if len(code) > _LONGEST or _CODE.fullmatch(code) is None:
        return False
    part["code"] = instead
    part["reason"] = f"{reason[: limits.TEXT - len(code) - 3]} [{code}]".lstrip()
    return True
