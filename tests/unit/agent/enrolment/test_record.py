"""What enrolment remembers of itself leads nowhere outside its folder, whoever wrote it."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tidegate_agent.enrolment.plan import Planned
from tidegate_agent.enrolment.record import changes, recorded, with_record

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, files: object) -> None:
    (folder / ".enrolled.json").write_text(json.dumps({"files": files}))


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    files = {PurePosixPath("agent.toml.d/a.toml"): Planned(b"a", 0o644, "here")}
    record = with_record(files)[PurePosixPath(".enrolled.json")]
    (tmp_path / ".enrolled.json").write_bytes(record.content)
    assert recorded(tmp_path).keys() == files.keys()
    assert record.mode == 0o600
    assert recorded(tmp_path / "nowhere") == {}


def test_a_forged_one_removes_nothing_of_others(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    (tmp_path / "precious").write_text("precious")
    write(etc, {"../precious": "0", "a/../../precious": "0", str(tmp_path / "precious"): "0"})
    assert recorded(etc) == {}
    assert changes(etc, {}) == {}
