"""docs/codes.md: every code with its cause and its remedy, one table for each group."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from tidegate_schemas.codes import REGISTRY, Code

INTRODUCTION: Final = """\
# Codes

<!-- Generated from schemas/tidegate_schemas/codes.py by ./dev generate; do not edit. -->

Every refusal, failure and error carries one of these codes: in events, in a host's status, in logs and in
what the commands print. A code keeps its meaning for ever; the sentence beside it in an event may change. The
group, before the dot, names the piece of the chain to look at.
"""


def render() -> str:
    """The page, in Markdown."""
    groups = groupby(Code, key=lambda code: code.value.partition(".")[0])
    return INTRODUCTION + "".join(f"\n## {name}\n\n{_table(list(codes))}" for name, codes in groups)


def _table(codes: list[Code]) -> str:
    rows = [
        f"| `{code}` | {_cell(REGISTRY[code].cause)} | {_cell(REGISTRY[code].remedy)} |" for code in codes
    ]
    return "\n".join(["| code | what happened | what to do |", "|---|---|---|", *rows]) + "\n"


def _cell(text: str) -> str:
    # PRODUCT/CHANNEL and the like stay as they are; only what Markdown would take for its own is escaped.
    return text.replace("|", "\\|").replace("<", "&lt;")
