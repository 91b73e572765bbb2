"""JSON that is safe to print: no control character and no direction mark of a host gets to a terminal."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse


def to_ascii(content: Any) -> bytes:  # noqa: ANN401 -- any JSON
    """Compact JSON of ASCII characters alone. DEL is the one control among them that JSON leaves as it is."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("\x7f", "\\u007f").encode("ascii")


class AsciiJson(JSONResponse):
    """A JSON response of ASCII characters alone."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 -- the base class's signature
        """The body."""
        return to_ascii(content)
