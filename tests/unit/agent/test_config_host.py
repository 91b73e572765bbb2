"""What is derived from the host: its name and its time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_agent.config import derived_host_id, host_zone
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path


def test_host_id_is_what_systemd_derives(tmp_path: Path) -> None:
    """`systemd-id128 machine-id --app-specific=…` printed the expected value for this machine-id."""
    file = tmp_path / "machine-id"
    file.write_text("3f9a7c5de21b48a0b6d1c0ffee15bad0\n", encoding="ascii")
    assert derived_host_id(file) == "155e18cf84e44faa926a66eaef78b073"


@pytest.mark.parametrize("content", [b"", b"uninitialized\n", b"0" * 32, b"\xff" * 32, b"a" * 31, b"A" * 32])
def test_a_machine_without_an_id_has_to_be_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "machine-id"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"holds no machine id; set host\.id") as caught:
        derived_host_id(file)
    assert caught.value.code is Code.HOST_ID


def test_an_absent_machine_id_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file or directory; set host\.id"):
        derived_host_id(tmp_path / "machine-id")


def test_zone_is_what_localtime_links_to(tmp_path: Path) -> None:
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    assert host_zone(link).key == "Asia/Tokyo"


@pytest.mark.parametrize(
    "target", ["/usr/share/zoneinfo/Mars/Olympus", "/nowhere", "/usr/share/zoneinfo/../../etc"]
)
def test_zone_is_utc_where_the_link_says_nothing(tmp_path: Path, target: str) -> None:
    link = tmp_path / "localtime"
    link.symlink_to(target)
    assert host_zone(link).key == "UTC"
