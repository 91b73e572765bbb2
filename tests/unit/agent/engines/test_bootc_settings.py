"""The table of the bootc engine: defaults that can be used as they are, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tidegate_agent.config.engine_bootc import BootcSettings
from tidegate_agent.engines.bootc.values import Times, Wishes
from tidegate_agent.engines.reserve import Reserve


def test_the_defaults_are_the_engines_own() -> None:
    settings, times, wishes = BootcSettings(), Times(), Wishes()
    assert settings.command == ("bootc",)
    assert settings.status_timeout == timedelta(seconds=times.status_s)
    assert settings.change_timeout == timedelta(seconds=times.change_s)
    assert settings.stage_timeout == timedelta(seconds=times.stage_s)
    assert settings.stall_timeout == timedelta(seconds=times.stall_s)
    assert Reserve(settings.boot_free_bytes, settings.store_free_bytes) == wishes.reserve
    assert settings.unlocked is wishes.unlocked is False
    assert settings.auth_file is wishes.auth_file is None


@pytest.mark.parametrize(
    "table",
    [
        {"command": []},
        {"auth_file": "auth.json"},
        {"boot_free_bytes": -1},
        {"stall_timeout": "0s"},
        {"unlocked": "yes"},
        {"apply": True},
    ],
)
def test_what_cannot_work_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BootcSettings.model_validate(table)
