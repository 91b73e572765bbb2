"""The agent's unit and the drop-in that takes its walls down for engines which drive tools."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import find_program

ROOT: Final = Path(__file__).parents[2]
UNIT: Final = ROOT / "systemd/usr/lib/systemd/system/tidegate-agent.service"
DROP_IN: Final = ROOT / "systemd/usr/share/tidegate/tool-engines.conf"


def settings(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}


def verified(folder: Path, drop_in: str) -> tuple[int, str]:
    """The program of the unit is looked for, so it is verified as if another were installed."""
    unit = folder / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/usr/bin/tidegate-agent", "/bin/true")
    unit.write_text(text, encoding="utf-8")
    (folder / f"{UNIT.name}.d").mkdir()
    (folder / f"{UNIT.name}.d" / DROP_IN.name).write_text(drop_in, encoding="utf-8")
    argv = [find_program("systemd-analyze") or "", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    finished = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    return finished.returncode, finished.stdout + finished.stderr


def test_a_host_whose_time_is_never_synchronised_has_its_agent() -> None:
    """Where systemd-time-wait-sync is enabled, that target is reached after the first synchronisation."""
    unit = settings(UNIT)
    assert "time" not in " ".join(unit.get(name, "") for name in ("After", "Wants", "Requires"))


@pytest.mark.real("systemd-analyze")
def test_systemd_takes_the_unit_with_its_drop_in(tmp_path: Path) -> None:
    assert verified(tmp_path, DROP_IN.read_text(encoding="utf-8")) == (0, "")


@pytest.mark.real("systemd-analyze")
def test_the_drop_in_is_what_was_verified(tmp_path: Path) -> None:
    _, said = verified(tmp_path, "[Service]\nProtectSystem=perhaps\n")
    assert "tool-engines.conf:2: " in said


def test_the_walls_that_stay_up_are_chosen() -> None:
    walls = {name for name in settings(UNIT) if name.startswith(("Protect", "Private", "Restrict", "Lock"))}
    others = {"CapabilityBoundingSet", "DeviceAllow", "DevicePolicy", "NoNewPrivileges"}
    down = settings(DROP_IN)
    assert walls - down.keys() == {"RestrictRealtime"}
    assert others <= down.keys()
    assert {down[name] for name in walls & down.keys()} == {"no", ""}


@pytest.mark.parametrize("engine", ["bootc", "ostree", "podman", "rpm-ostree"])
def test_every_engine_with_a_tool_refers_to_the_one_drop_in(engine: str) -> None:
    page = (ROOT / f"docs/engines/{engine}.md").read_text(encoding="utf-8")
    assert "](../../systemd/usr/share/tidegate/tool-engines.conf)" in page
    assert "NoNewPrivileges=" not in page
