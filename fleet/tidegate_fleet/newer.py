"""Words of newer agents, whose codes or steps this version does not know. PURE.

Both grow, and agents may be newer than whoever listens: what such a word tells besides is worth no less. The
unknown word is taken into the reason's; an unknown step moves its host nowhere.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

_KNOWN: Final = frozenset(Code)
_STEPS: Final = frozenset(Step)
_STEP: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", re.ASCII)
_CODE: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_LONGEST: Final = 64


def known_code(code: str | None) -> Code | None:
    """A code that was kept; None also where a newer tidegate kept one that this version does not know."""
    return Code(code) if code in _KNOWN else None


def in_known_words(raw: bytes) -> bytes | None:
    """An event (or its data), or a status, with unknown codes and steps in its reasons; None: it has none.

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
    changed += [_mend_step(part) for part in (content, content.get("data")) if isinstance(part, dict)]
    fault = content.get("fault")
    if isinstance(fault, dict):
        # It says that there is a fault, and has to have a code.
        changed.append(_mend_part(fault, Code.INTERNAL_ERROR))
    return any(changed)


def _mend_part(part: dict[str, Any], instead: Code | None) -> bool:
    return _take_over(part, "code", _CODE, _KNOWN, instead)


def _mend_step(part: dict[str, Any]) -> bool:
    return _take_over(part, "step", _STEP, _STEPS, Step.UNKNOWN)


def _take_over(
    part: dict[str, Any], name: str, form: re.Pattern[str], known: frozenset[str], instead: str | None
) -> bool:
    """Bring a field's unknown word into the reason."""
    word, reason = part.get(name), part.get("reason", "")
    if not isinstance(word, str) or word in known or not isinstance(reason, str):
        return False
    if len(word) > _LONGEST or form.fullmatch(word) is None:
        return False
    part[name] = instead
    part["reason"] = f"{reason[: limits.TEXT - len(word) - 3]} [{word}]".lstrip()
    return True
