"""Writes every generated file anew: `python -m tests.generate`, or `./dev generate`.

tests/unit/test_generated.py compares the checked-in copies with what is made here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.samples import EVENTS, STATES
from tests.support.statements import NOON
from tidegate_agent import drawing
from tidegate_agent.config import example
from tidegate_schemas import codes_page, export

ROOT = Path(__file__).parent.parent


def generated() -> dict[str, str]:
    """Every generated file: path in the repository to content."""
    schemas = {
        f"schemas/tidegate_schemas/generated/{name}": content for name, content in export.documents().items()
    }
    return {
        **schemas,
        "docs/agent.toml.example": example.render(),
        "docs/codes.md": codes_page.render(),
        "docs/state-machine.md": drawing.page(STATES, EVENTS, NOON),
    }


def main() -> int:
    """Write what differs, and say what that was."""
    for name, content in generated().items():
        path = ROOT / name
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        path.write_text(content, encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
