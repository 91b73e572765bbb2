"""What is installed for the boot guard holds together: the unit, the scripts, the paths they share."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import find_program
from tidegate_agent.adapters.boot_guard import DIRECTORY

SHIPPED: Final = Path(__file__).parents[2] / "systemd"
SCRIPT: Final = SHIPPED / "usr/lib/tidegate/boot-guard"
SNIPPET: Final = SHIPPED / "usr/share/tidegate/grub/08_tidegate"
FALLBACK: Final = SHIPPED / "usr/lib/tidegate/ostree-fallback"
UNIT: Final = SHIPPED / "usr/lib/systemd/system/tidegate-boot-guard.service"


def run(program: str, *arguments: str | Path) -> tuple[int, str]:
    argv = [find_program(program) or program, *arguments]
    finished = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    return finished.returncode, finished.stdout + finished.stderr


@pytest.mark.real("systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """The programs of the unit are looked for, so it is verified as it will be installed."""
    text = UNIT.read_text(encoding="utf-8").replace("/usr/lib/tidegate/boot-guard", str(SCRIPT))
    unit = tmp_path / UNIT.name
    unit.write_text(text, encoding="utf-8")
    assert run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit) == (0, "")


def test_the_unit_looks_where_the_agent_writes() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    conditions = [line.partition("=|")[2] for line in lines if line.startswith("ConditionPathExists=")]
    assert conditions == [f"{DIRECTORY}/armed", f"{DIRECTORY}/fired"]
    assert f"guard=${{TIDEGATE_BOOT_GUARD:-{DIRECTORY}}}" in SCRIPT.read_text(encoding="utf-8")
    assert "ExecStart=/bin/sh /usr/lib/tidegate/boot-guard" in lines


@pytest.mark.real("shellcheck")
@pytest.mark.parametrize("script", [SCRIPT, SNIPPET, FALLBACK], ids=lambda script: script.name)
def test_the_scripts_are_clean(script: Path) -> None:
    assert run("shellcheck", "--severity=style", script) == (0, "")
    assert script.stat().st_mode & 0o777 == 0o755
