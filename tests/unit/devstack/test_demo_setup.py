"""What the demo tells its programs, and what it refuses before it starts any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from tidegate_agent.config import load
from tidegate_publisher.devstack.demo import configuration
from tidegate_publisher.devstack.demo.command import demo_command
from tidegate_publisher.devstack.demo.places import Places
from tidegate_publisher.devstack.demo.programs import Programs, clean_environment
from tidegate_publisher.release_file import load_release
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

SOON = datetime(2026, 3, 2, 23, 59, 47, tzinfo=UTC)


@pytest.mark.parametrize("opens", [SOON, SOON.replace(second=0), SOON + timedelta(seconds=14)])
def test_the_window_opens_at_its_second_and_stays_open(tmp_path: Path, opens: datetime) -> None:
    places = Places(tmp_path)
    places.window.parent.mkdir(parents=True)
    (places.host_config / "agent.toml").write_text(configuration.agent_config(places, "mqtt://127.0.0.1:1"))
    places.window.write_text(configuration.window_config(opens))
    schedule = load((places.host_config,)).settings.schedule(ZoneInfo("Asia/Kathmandu"))
    assert schedule.next_open(opens - timedelta(seconds=46)) == opens
    assert not schedule.is_open(opens - timedelta(seconds=1))
    assert schedule.fits(opens, timedelta(minutes=5))


def test_the_release_file_is_one(tmp_path: Path) -> None:
    places = Places(tmp_path)
    release = load_release(configuration.release_file(places).encode(), "release.yaml")
    assert (release.product, release.channel, release.version) == ("hello", "stable", "1")
    assert release.image == f"oci:{tmp_path}/images:1"


def test_a_missing_broker_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(TidegateError, match=r"pip install 'tidegate\[demo\]'") as caught:
        Programs.find(str(tmp_path))
    assert caught.value.code is Code.CONFIG_MISSING


def test_programs_are_found_where_pip_puts_them(tmp_path: Path) -> None:
    for name in ("nats-server", "tidegate", "tidegate-agent"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    found = Programs.find(f"/nowhere:{tmp_path}")
    assert (found.broker, found.agent) == (f"{tmp_path}/nats-server", f"{tmp_path}/tidegate-agent")


def test_no_setting_of_the_shell_speaks_into_the_demo() -> None:
    given = {"PATH": "/bin", "TIDEGATE_BROKER": "mqtts://real", "SIGSTORE_ID_TOKEN": "secret", "NO_PROXY": ""}
    assert clean_environment(given) == {
        "PATH": "/bin",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("full", Code.CONFIG_VALUE),
        ("full/file/below", Code.DISK_IO),
        ("with a blank", Code.REFERENCE_INVALID),
        ("l" * 110, Code.CONFIG_VALUE),
    ],
)
def test_a_directory_that_will_not_do_is_refused_before_anything_runs(
    tmp_path: Path, name: str, code: Code
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    result = CliRunner().invoke(demo_command, ["--dir", str(tmp_path / name)])
    assert isinstance(result.exception, TidegateError)
    assert result.exception.code is code
    assert (tmp_path / "full" / "file").read_text() == "mine"
