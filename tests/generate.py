"""Writes every generated file anew: `python -m tests.generate`, or `./dev generate`.

tests/unit/test_generated.py compares the checked-in copies with what is made here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.fakes.history import FakeHistory
from tests.support.samples import EVENTS, STATES
from tests.support.statements import NOON
from tidegate_agent import drawing
from tidegate_agent.config import example
from tidegate_fleet.web.app import create_api, describe
from tidegate_fleet.web.live.hub import Hub
from tidegate_fleet.web.reading import Reading
from tidegate_fleet.web.site import Site
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
        "docs/openapi.json": openapi(),
        "docs/state-machine.md": drawing.page(STATES, EVENTS, NOON),
    }


def openapi() -> str:
    """The page's API, as it is served at /api/v1/openapi.json."""
    site, history = Site(), FakeHistory()
    api = create_api(Reading(history, site), Hub(history, site), site)
    return json.dumps(describe(api), indent=1, ensure_ascii=False) + "\n"


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
