"""Who may hold an activation back, as a person configures it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tidegate_agent.config.activation import ActivateSettings
from tidegate_agent.config.fleet_lock import FleetLockSettings

LOCK = "https://fleet-lock.example.org/base"


def test_by_default_people_get_ten_minutes_and_no_server_is_asked() -> None:
    settings = ActivateSettings()
    assert (settings.sessions, settings.session_grace) == ("wait", timedelta(minutes=10))
    assert (settings.approval_expires, settings.snooze_limit) == (timedelta(days=7), timedelta(days=1))
    assert settings.inhibit_directory == Path("/etc/tidegate/inhibit.d")
    assert (settings.fleet_lock, settings.locks_all) == (None, False)


@pytest.mark.parametrize(
    ("tables", "waits"),
    [({}, True), ({"sessions": "ignore"}, False), ({"reboot": "never"}, False), ({"reboot": "soft"}, True)],
)
def test_who_reboots_by_hand_is_not_kept_waiting(tables: dict[str, str], waits: bool) -> None:  # noqa: FBT001
    assert ActivateSettings.model_validate(tables).waits_for_sessions is waits


@pytest.mark.parametrize(
    ("reach", "every"), [({}, False), ({"for": "reboots"}, False), ({"for": "all"}, True)]
)
def test_a_lock_is_for_reboots_or_for_all(reach: dict[str, str], every: bool) -> None:  # noqa: FBT001 - a column
    settings = ActivateSettings.model_validate({"fleet_lock": {"url": LOCK, **reach}})
    assert settings.locks_all is every
    assert settings.fleet_lock is not None
    assert settings.fleet_lock.group == "default"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": "http://fleet-lock.example.org"}, "allow_http = true"),
        ({"url": "ftp://fleet-lock.example.org", "allow_http": True}, "expected a url such as"),
        ({"url": "https://"}, "expected a url such as"),
        ({"url": "https://me:secret@example.org"}, "expected a url such as"),
        ({"url": f"{LOCK}?group=a"}, "expected a url such as"),
        ({"url": f"{LOCK}#a"}, "expected a url such as"),
        ({"url": "https://example.org/a b"}, "expected a url such as"),
        ({"url": "https://example.org:0/"}, "expected a url such as"),
        ({"url": "https://[::1/"}, "expected a url such as"),
        ({"group": "a_b"}, "pattern"),
        ({"group": ""}, "pattern"),
        ({"group": "a\n"}, "pattern"),
        ({"id": ""}, "at least 1"),
        ({"timeout": "0s"}, "longer than nothing"),
        ({"ca": "ca.pem"}, "absolute path"),
        ({"for": "some"}, "'reboots' or 'all'"),
        ({"reach": "all"}, "Extra inputs"),
    ],
)
def test_a_lock_that_cannot_be_asked_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told) as caught:
        FleetLockSettings.model_validate({"url": LOCK, **changes})
    assert "secret" not in str(caught.value)


def test_plain_http_has_to_be_wanted() -> None:
    settings = FleetLockSettings.model_validate({"url": "http://10.0.0.5:8080", "allow_http": True})
    assert settings.url == "http://10.0.0.5:8080"
