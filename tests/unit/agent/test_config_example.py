"""The reference file is what the models say, and everything in it is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tidegate_agent.config import explain, load
from tidegate_agent.config.example import NOT_SET, render

EXAMPLE = Path(__file__).parents[3] / "docs/agent.toml.example"


def loaded(folder: Path, text: str) -> list[str]:
    file = folder / "agent.toml"
    file.write_text(text, encoding="utf-8")
    return [line.partition("  #")[0] for line in explain(load((file,)))]


def uncommented(text: str) -> str:
    """Every setting and table that is commented out, put in force."""
    return re.sub(r"^#(\[|\w+ = )", r"\1", text, flags=re.MULTILINE)


def test_the_checked_in_file_is_current() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == render(), "run python -m tidegate_agent.config.example"


def test_it_can_be_used_as_it_is(tmp_path: Path) -> None:
    assert 'follow[0].product = "kiosk"' in loaded(tmp_path, render())


def test_what_it_shows_as_defaults_are_the_defaults(tmp_path: Path) -> None:
    """Optional tables and examples apart, putting each line in force changes nothing."""
    plain, _, _ = render().partition("# One health check")
    sections = [each for each in plain.split("\n\n") if "\n#[" not in each]
    lines = "\n\n".join(sections).splitlines()
    shown = "\n".join(line for line in lines if not line.endswith(NOT_SET))
    assert loaded(tmp_path, uncommented(shown)) == loaded(tmp_path, render())


ENGINES = ("bootc", "embedded", "ostree", "podman", "rpm-ostree")


def with_engine(text: str, engine: str) -> str:
    """The file for this engine, its table put in force; a table of another one would be refused."""
    tables = {f"[follow.{each.replace('-', '_')}]": each for each in ENGINES}
    kept = []
    for section in text.split("\n\n"):
        of = next((each for head, each in tables.items() if head in section), None)
        if of is None:
            kept.append(section.replace('#engine = "embedded"', f'engine = "{engine}"'))
        elif of == engine:
            kept.append(uncommented(section))
    return "\n\n".join(kept)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_table_of_every_engine_is_accepted(tmp_path: Path, engine: str) -> None:
    lines = loaded(tmp_path, with_engine(render(), engine))
    assert f'follow[0].engine = "{engine}"' in lines
    assert any(line.startswith(f"follow[0].{engine.replace('-', '_')}.") for line in lines)


@pytest.mark.parametrize(
    ("without", "tables", "unset"),
    [
        (
            {
                "bus": "password",
                "health.check": "(?!name|command|required|timeout)[a-z_]+",
                "follow.signers": "key",
            },
            {"trust.tuf", "events.pkcs11", "health.check.free"},
            11,
        ),
        (
            {
                "bus": "password_file",
                "health.check": "(?!name|required|timeout)[a-z_]+",
                "health.check.free": "percent",
                "trust": "root",
                "follow.signers": "(?!key)[a-z_]+",
                "events": "device_key",
            },
            set(),
            11,
        ),
    ],
)
def test_every_line_is_accepted(
    tmp_path: Path, without: dict[str, str], tables: set[str], unset: int
) -> None:
    """Of settings and tables that exclude each other, one at a time."""
    kept = []
    for section in with_engine(render(), "embedded").split("\n\n"):
        named = re.search(r"^#?\[+([\w.]+)\]", section, re.MULTILINE)
        table = named[1] if named else ""
        if "The same settings as in" in section:
            # Of these only what may not be left out.
            kept += ['[[requests.signers]]\nkey = "/operator.pub"'] if table == "requests.signers" else []
            continue
        line = rf"^#?{without.get(table, 'nothing')} = .*\n?"
        kept += [] if table in tables else [re.sub(line, "", section, flags=re.MULTILINE)]
    lines = loaded(tmp_path, uncommented("\n\n".join(kept)))
    assert 'window[0].duration = "2h30m"' in lines
    assert 'host.labels.ring = "early"' in lines
    assert len([line for line in lines if line.endswith("(not set)")]) == unset
