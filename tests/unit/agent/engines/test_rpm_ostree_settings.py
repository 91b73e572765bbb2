"""The table of the rpm-ostree engine: its defaults are the engine's own."""

from __future__ import annotations

from datetime import timedelta

from tidegate_agent.config.engine_rpm_ostree import RpmOstreeSettings
from tidegate_agent.engines.reserve import Reserve
from tidegate_agent.engines.rpm_ostree.values import Places, Programs, Timeouts


def test_the_defaults_are_the_engines_own() -> None:
    settings, places, programs, timeouts = RpmOstreeSettings(), Places(), Programs(), Timeouts()
    assert (settings.command, settings.ostree) == (programs.rpm_ostree, programs.ostree)
    assert settings.answer_timeout == timedelta(seconds=timeouts.answer_s)
    assert settings.stall_timeout == timedelta(seconds=timeouts.stall_s)
    assert settings.stage_timeout == timedelta(seconds=timeouts.stage_s)
    assert Reserve(settings.boot_free_bytes, settings.store_free_bytes) == places.reserve
