"""Other update agents are found and named, with the command that stops them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.standins import systemctl as standin
from tidegate_agent.engines.rivals import RIVALS, refuse_rivals, rivals
from tidegate_agent.engines.tool import Tool
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def systemctl(folder: Path, units: Mapping[str, tuple[str, str]]) -> Tool:
    (folder / "units").write_text(json.dumps(units))
    return Tool([sys.executable, "-I", str(standin.__file__), str(folder / "units")])


@pytest.mark.parametrize("unit", RIVALS)
@pytest.mark.parametrize(
    ("state", "enablement", "word"),
    [
        ("active", "enabled", "active"),
        ("active", "disabled", "active"),
        ("activating", "static", "activating"),
        ("inactive", "enabled", "enabled"),
        ("failed", "enabled-runtime", "enabled-runtime"),
    ],
)
def test_one_that_is_at_work_is_named(
    tmp_path: Path, unit: str, state: str, enablement: str, word: str
) -> None:
    found = rivals(systemctl(tmp_path, {unit: (state, enablement)}))
    assert found == (f"{unit} is {word} and updates this host too: run `systemctl mask --now {unit}`",)


@pytest.mark.parametrize("enablement", ["disabled", "masked", "masked-runtime", "static", ""])
def test_one_that_rests_is_none(tmp_path: Path, enablement: str) -> None:
    units = dict.fromkeys(RIVALS, ("inactive", enablement))
    assert rivals(systemctl(tmp_path, units)) == ()


def test_a_host_without_systemd_has_none(tmp_path: Path) -> None:
    assert rivals(Tool([str(tmp_path / "systemctl")])) == ()


def test_a_container_without_systemd_has_none() -> None:
    words = "System has not been booted with systemd as init system (PID 1). Can't operate."
    assert rivals(Tool(["sh", "-c", 'echo "$0" >&2; exit 1', words])) == ()


def test_a_manager_that_does_not_answer_is_no_all_clear() -> None:
    with pytest.raises(EngineError, match="Connection timed out") as caught:
        rivals(Tool(["sh", "-c", "echo Connection timed out >&2; exit 1"]))
    assert caught.value.code is Code.ENGINE_OUTPUT


def test_all_are_named_in_the_refusal(tmp_path: Path) -> None:
    tool = systemctl(tmp_path, dict.fromkeys(RIVALS, ("active", "enabled")))
    with pytest.raises(EngineError) as caught:
        refuse_rivals(tool)
    assert caught.value.code is Code.ENGINE_CONFLICT
    assert caught.value.retryable
    assert all(f"systemctl mask --now {unit}" in caught.value.reason for unit in RIVALS)


def test_a_host_of_ones_own_is_not_refused(tmp_path: Path) -> None:
    refuse_rivals(systemctl(tmp_path, {}))
