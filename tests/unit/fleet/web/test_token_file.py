from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_fleet.web.doors.token_door import TokenDoor, read_token
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "x" * 32


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_token_that_owner_and_group_alone_can_read_is_taken(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(mode)
    assert read_token(file) == TOKEN


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602, 0o601])
def test_a_token_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(mode)
    with pytest.raises(TidegateError, match=f"{mode:04o}") as caught:
        read_token(file)
    assert caught.value.code is Code.PAGE_UNSAFE


def test_a_token_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TidegateError, match="No such file") as caught:
        read_token(tmp_path / "none")
    assert caught.value.code is Code.PAGE_UNSAFE


@pytest.mark.parametrize("token", ["", "x" * 31, "x" * 1025, "x" * 40 + " y", "é" * 40])
def test_a_token_that_could_be_guessed_or_mangled_is_refused(token: str) -> None:
    with pytest.raises(TidegateError) as caught:
        TokenDoor(token)
    assert caught.value.code is Code.PAGE_UNSAFE
