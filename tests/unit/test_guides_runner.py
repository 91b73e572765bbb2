"""What the runner of the guides makes of a page: so that a guide that lies is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import guides
from tests.support.guides import Block, Transcript, blocks, prints, with_ports

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
# A page

```sh
one
```

It prints:

```text
first
last …
```

*Not run by the tests: needs a moon.*

```sh
two
```

*Needs `cosign` 3.*

```sh
three
```

Another matter:

```toml
key = 1
```
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(guides, "DOCS", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    return "page.md"


def test_blocks_carry_what_the_page_says_about_them(page: str) -> None:
    assert blocks(page) == [
        Block("one\n", printed="first\nlast …\n"),
        Block("two\n", not_run="needs a moon."),
        Block("three\n", needs="cosign"),
    ]


@pytest.mark.parametrize(
    ("ci", "block", "runs"),
    [
        ("", Block("x"), True),
        ("", Block("x", needs="sh"), True),
        ("", Block("x", needs="no-such-program"), False),
        ("true", Block("x", needs="no-such-program"), True),
        ("true", Block("x", not_run="needs a moon"), False),
    ],
)
def test_what_ci_lacks_is_no_excuse(
    ci: str, block: Block, *, runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    assert block.runs_here is runs


@pytest.mark.parametrize(
    ("output", "fits"),
    [
        ("first\nlast one\n", True),
        ("noise\n  first\nnoise\nlast one\nnoise\n", True),
        ("last one\nfirst\n", False),
        ("first\n", False),
        ("first, but not only\nlast one\n", False),
        ("", False),
    ],
)
def test_what_is_printed_is_whole_lines_in_order(output: str, *, fits: bool) -> None:
    assert prints(output, "first\nlast …\n") is fits


def test_a_block_that_prints_something_else_is_a_surprise() -> None:
    one, other = Block("a", printed="yes\n"), Block("b")
    assert not Transcript("page.md", (one, other), ("yes\n", "anything")).surprises()
    (found,) = Transcript("page.md", (one, other), ("no\n", "anything")).surprises()
    assert found.startswith("a\n")


def test_ports_are_replaced_and_nothing_that_only_looks_like_one() -> None:
    ports = {"1883": "7", "5557": "8"}
    assert with_ports("port: 1883, --port 5557 x:1883/y 18830 sha:a1883", ports) == (
        "port: 7, --port 8 x:7/y 18830 sha:a1883"
    )
