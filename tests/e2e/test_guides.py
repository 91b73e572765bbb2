"""The guides are run as they stand: real agent, publisher, Sigstore and broker (`tests.support.guides`)."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import click
import pytest

from tests.support.agent_process import SCRIPT
from tests.support.documents import DOCS
from tests.support.guides import blocks, run_page
from tidegate_publisher.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

INLINE = re.compile(r"`tidegate ([^`]+)`")
OF_AGENT = re.compile(r"`tidegate-agent ([a-z][a-z-]*)")
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
PAGES = [f"guides/{path.name}" for path in sorted((DOCS / "guides").glob("*.md"))]


@pytest.mark.real("nats-server")
@pytest.mark.parametrize("page", PAGES)
def test_a_guide_does_what_it_says(page: str, tmp_path: Path) -> None:
    transcript = run_page(page, tmp_path)
    assert not transcript.surprises(), "\n\n".join(transcript.surprises())


def test_what_is_not_run_is_known_and_the_page_says_why() -> None:
    assert {block.not_run for page in PAGES for block in blocks(page)} == {""}


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences_exist_too(page: str) -> None:
    for words in INLINE.findall((DOCS / page).read_text(encoding="utf-8")):
        command: click.Command | None = cli
        context = click.Context(cli)
        names = words.split()
        while isinstance(command, click.Group):
            command = command.get_command(context, names.pop(0))
        assert command is not None, words
        options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        assert {name for name in names if name.startswith("-")} <= options, words


def test_the_agents_commands_in_sentences_exist_too() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in [*PAGES, "trust-root.md"])
    for command in sorted(set(OF_AGENT.findall(text))):
        subprocess.run([SCRIPT, command, "--help"], check=True, capture_output=True, timeout=30)


@pytest.mark.parametrize("page", [*PAGES, "trust-root.md", "threats.md", "how-it-works.md", "../README.md"])
def test_links_lead_somewhere(page: str) -> None:
    here = DOCS / page
    for target, anchor in LINK.findall(here.read_text(encoding="utf-8")):
        if ":" in target:
            continue  # another site
        place = here.parent / target if target else here
        assert place.exists(), target
        if anchor:
            assert anchor in _anchors(place.read_text(encoding="utf-8")), f"{target}#{anchor}"


def _anchors(text: str) -> set[str]:
    """The headings' anchors, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
