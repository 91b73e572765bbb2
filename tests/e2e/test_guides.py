"""The guides are run as they stand: real agent, publisher, Sigstore and broker (`tests.support.guides`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.documents import DOCS
from tests.support.guides import blocks, run_page

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [f"guides/{path.name}" for path in sorted((DOCS / "guides").glob("*.md"))]


@pytest.mark.real("nats-server")
@pytest.mark.parametrize("page", PAGES)
def test_a_guide_does_what_it_says(page: str, tmp_path: Path) -> None:
    transcript = run_page(page, tmp_path)
    assert not transcript.surprises(), "\n\n".join(transcript.surprises())


def test_what_is_not_run_is_known_and_the_page_says_why() -> None:
    assert {block.not_run for page in PAGES for block in blocks(page)} == {""}
