"""What the documentation says about the command line is so."""

from __future__ import annotations

import re
from pathlib import Path

from tidegate_publisher.cli import COMMANDS
from tidegate_publisher.exit_codes import ExitCode
from tidegate_publisher.release_faults import known_keys
from tidegate_publisher.release_file import load_release

DOCS = Path(__file__).parents[3] / "docs"


def test_the_release_files_example_is_valid_and_uses_every_key() -> None:
    page = (DOCS / "release-file.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    release = load_release(example[1].encode(), "release-file.md")
    assert release.model_fields_set == set(known_keys(()))
    assert release.rollout.model_fields_set == set(known_keys(("rollout",)))


def test_every_key_is_in_the_table() -> None:
    page = (DOCS / "release-file.md").read_text()
    sections = {"requires": "requires.", "rollout": "rollout."}
    for key in known_keys(()):
        if key not in sections:
            assert f"| `{key}` |" in page
    for section, prefix in sections.items():
        for key in known_keys((section,)):
            assert f"| `{prefix}{key}{'[].name' if key == 'waves' else ''}` |" in page
    for key in known_keys(("rollout", "waves", 0)):
        assert f"| `rollout.waves[].{key}` |" in page


def test_every_command_and_exit_code_is_told() -> None:
    page = (DOCS / "cli.md").read_text()
    for name in COMMANDS:
        assert f"`{name}`" in page
    for code in ExitCode:
        assert f"\n| {code:d} | " in page
