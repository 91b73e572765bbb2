"""Shows coverage what happens where there is none: pydantic's core is Rust, and only its refusals come out.

The kind of each refusal, which is its code and its sentence without names and numbers, leads to one of many
branches of a function that is made for this. To libFuzzer a refusal that it has not seen is a new branch, so
the input that led to it is kept and altered further.
"""

from __future__ import annotations

import re
import zlib
from types import FunctionType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_schemas.codes import TidegateError

COUNT: Final = 1024
# Also the name of a field that is not known: there is no end of such names.
_PARTICULARS: Final = re.compile(r"""'[^']*'|"[^"]*"|\d+|[^.]*(?=: Extra inputs)|[^ -~]""")


def _tree(low: int, high: int, level: int) -> list[str]:
    indent = " " * level
    if high - low == 1:
        return [f"{indent}return {low}"]
    middle = (low + high) // 2
    return [f"{indent}if number < {middle}:", *_tree(low, middle, level + 1), *_tree(middle, high, level)]


class Landmarks:
    """The function; `instrument` has it count."""

    def __init__(self) -> None:
        # A tree of conditions: ten of them are passed on the way to a leaf.
        source = "def passing(number):\n" + "\n".join(_tree(0, COUNT, 1))
        code = next(
            each for each in compile(source, "<landmarks>", "exec").co_consts if hasattr(each, "co_code")
        )
        self._passing: Callable[[int], int] = FunctionType(code, {})

    def instrument(self, instrument: Callable[[Callable[[int], int]], Callable[[int], int]]) -> None:
        """Hand the function to atheris."""
        self._passing = instrument(self._passing)

    def visit(self, error: TidegateError) -> int:
        """Pass the landmark of a refusal; its number."""
        kind = f"{error.code} {_PARTICULARS.sub('', error.reason)}"
        return self._passing(zlib.crc32(kind.encode(errors="replace")) % COUNT)


LANDMARKS: Final = Landmarks()
"""The one that every target's refusals pass."""
