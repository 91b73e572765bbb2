"""The page of promises keeps its own: every row of docs/reliability.md names tests, and they are there."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.support.documents import DOCS

PROJECT: Final = DOCS.parent
PAGE: Final = (DOCS / "reliability.md").read_text(encoding="utf-8")
ROWS: Final = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| what fails")
]
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)")


def test_there_are_promises_in_every_section() -> None:
    sections = PAGE.split("\n## ")[1:]
    assert [part.splitlines()[0] for part in sections if part.count("\n| ") < 2] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_each_promise_is_kept_by_tests_that_are_there(row: str) -> None:
    cells = row.strip("|").split(" | ")
    assert len(cells) == 4
    named = TEST.findall(cells[3])
    assert named
    for path, name in named:
        text = (PROJECT / path).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(def|class) {name}\b", text, re.MULTILINE), (path, name)
