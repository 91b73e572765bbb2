"""A configuration that is wrong: the agent says in which file, at which key, and what it expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.agent_process import AgentHost
from tests.support.toml import toml
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore


@pytest.fixture
def host(tmp_path: Path, sigstore: LocalSigstore) -> AgentHost:
    return AgentHost(tmp_path, BusSettings(url="mqtt://127.0.0.1:1"), sigstore)


def test_what_is_right_is_accepted(host: AgentHost) -> None:
    checked = host.command("check-config")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f'bus.url = "mqtt://127.0.0.1:1"  # {host.config}' in checked.stdout


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a misspelt key": (
        lambda document: document["bus"].update(protocoll="5"),
        "bus.protocoll: is not a known key; the nearest is bus.protocol",
    ),
    "a broker's address without a scheme": (
        lambda document: document["bus"].update(url="broker.example"),
        'bus.url: found "broker.example"; The broker\'s URL has no scheme; expected mqtt://host:1883',
    ),
    "no broker": (lambda document: document.pop("bus"), "; expected a table with url"),
    "nobody to trust": (
        lambda document: document["follow"][0].pop("signers"),
        "follow[0].signers: expected at least one [[follow.signers]]",
    ),
    "a window that is none": (
        lambda document: document.update(window=[{"cron": "at night", "duration": "2h"}]),
        "window[0]: The cron expression 'at night' has 2 fields; expected five: minute, hour,",
    ),
    "a duration in words": (
        lambda document: document.update(window=[{"cron": "0 2 * * *", "duration": "two hours"}]),
        'window[0].duration: found "two hours"; expected a duration such as "90m"',
    ),
    "a name that is no topic level": (
        lambda document: document["host"].update(id="edge/1"),
        'host.id: found "edge/1"; expected 1 to 64 letters',
    ),
    "a number as text": (
        lambda document: document["stage"].update(attempts="many"),
        'stage.attempts: found "many"; expected',
    ),
}


@pytest.mark.parametrize("command", ["run", "check-config"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_file_and_key(host: AgentHost, name: str, command: str) -> None:
    make, sentence = MISTAKES[name]
    make(host.document)
    host.config.write_text(toml(host.document))
    done = host.command(command)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert str(host.config) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_toml_is_told_with_its_line(host: AgentHost) -> None:
    host.config.write_text('[bus]\nurl = "mqtt://127.0.0.1\n')
    done = host.command("run")
    assert done.returncode == 1
    assert f"{host.config}: is not TOML" in done.stderr
    assert "line 2" in done.stderr
