"""One agent for each state directory, whatever became of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_agent.adapters.alone import alone
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_agent_is_refused_and_the_next_one_is_not(tmp_path: Path) -> None:
    state = tmp_path / "var" / "state"
    with alone(state):
        with pytest.raises(
            TidegateError, match=f"another agent runs with the state directory {state}"
        ) as error:
            alone(state).__enter__()
        assert error.value.code is Code.AGENT_RUNNING
    with alone(state):
        pass


def test_a_state_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TidegateError, match="file/state cannot be used: Not a directory") as error:
        alone(tmp_path / "file" / "state").__enter__()
    assert error.value.code is Code.DISK_IO
