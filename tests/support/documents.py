"""Configuration blocks out of the documentation, so that what is documented is what is tested."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, name: str) -> str:
    """The fenced block that follows the comment `<!-- block: name -->` on a page of docs/."""
    text = (DOCS / page).read_text()
    found = re.findall(rf"<!-- block: {re.escape(name)} -->\n```\w*\n(.*?)\n```\n", text, re.DOTALL)
    assert len(found) == 1, f"{page} has {len(found)} blocks named {name}"
    content: str = found[0] + "\n"
    return content


def adapt(text: str, replacements: dict[str, str]) -> str:
    """Replace paths and ports; each of them must be there, lest the test run something else."""
    for documented, actual in replacements.items():
        assert documented in text, f"the documented block does not say {documented!r}"
        text = text.replace(documented, actual)
    return text
