"""The same bad cases, judged by the real, confined child process: it gives the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.trust.case import Scene
from tests.trust.children import CASES, Trial, ask_child
from tests.trust.releases import the_truth
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trust.forge import Forge


@pytest.mark.parametrize("judged", CASES)
def test_the_child_gives_the_same_code(trials: dict[str, Trial], judged: str) -> None:
    trial = trials[judged]
    found = trial.verdict.result()
    if trial.case.decider == "agent":
        # Genuine, as far as a process without memory and clock can tell.
        assert isinstance(found, Verdict)
    else:
        assert isinstance(found, RefusedError), "accepted"
        assert found.code is trial.case.code


def test_the_child_believes_the_truth(forge: Forge, tmp_path: Path) -> None:
    message = forge.signing("v2", the_truth()).message()
    found = ask_child(Scene(message, forge.beliefs), tmp_path / "root.json")
    assert isinstance(found, Verdict)
    assert found.payload == the_truth()
