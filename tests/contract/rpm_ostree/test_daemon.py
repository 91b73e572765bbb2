"""rpm-ostree's daemon and whoever else uses it: busy, late, dead, at work without us."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.contract.rpm_ostree.steps import failure, stage
from tests.support.rpm_ostree_site import TIMEOUTS, RpmOstreeSite
from tests.support.standins.host import alive
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.source import Cancelled


def test_somebody_elses_transaction_is_waited_for(site: RpmOstreeSite) -> None:
    site.host.fault("busy", "install htop")
    error = failure(site, site.publish("1"))
    assert (error.code, error.retryable) == (Code.ENGINE_BUSY, True)
    assert "install htop" in error.reason
    site.host.fault("busy", None)
    stage(site.engine(), site.publish("1"))


def test_an_active_driver_is_a_conflict(site: RpmOstreeSite) -> None:
    site.host.fault("driver", "Zincati")
    assert failure(site, site.publish("1")).code is Code.ENGINE_CONFLICT


def test_a_rival_keeps_it_from_staging_and_from_activating(site: RpmOstreeSite) -> None:
    target = site.publish("1")
    stage(site.engine(), target)
    site.units.write_text(
        json.dumps({"rpm-ostreed-automatic.timer": ["active", "enabled"]}), encoding="utf-8"
    )
    assert failure(site, site.publish("2")).code is Code.ENGINE_CONFLICT
    with pytest.raises(EngineError) as caught:
        site.engine().activate(target.digest)
    assert caught.value.code is Code.ENGINE_CONFLICT
    assert site.host.lock_file.exists()


def test_a_daemon_that_starts_late_is_asked_again(site: RpmOstreeSite) -> None:
    site.host.fault("daemon", 2)
    assert site.engine().status().staged is None


def test_a_daemon_that_never_starts_is_a_timeout(site: RpmOstreeSite) -> None:
    site.host.fault("daemon", 3)
    with pytest.raises(EngineError) as caught:
        site.engine().status()
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_TIMEOUT, True)


def test_a_daemon_that_dies_changes_nothing(site: RpmOstreeSite) -> None:
    before, target = site.engine().status(), site.publish("1")
    site.host.fault("crash", value=True)
    error = failure(site, target)
    assert (error.code, error.retryable) == (Code.ENGINE_TIMEOUT, True)
    assert "journalctl" in error.reason
    site.host.fault("crash", value=None)
    assert site.engine().status() == before
    stage(site.engine(), target)


def test_a_registry_that_stalls_is_given_up_and_the_daemon_stopped(site: RpmOstreeSite) -> None:
    site.host.fault("stall", value=True)
    with pytest.raises(EngineError) as caught:
        site.engine(replace(TIMEOUTS, stall_s=1.0)).stage(site.publish("1"), lambda _: None, lambda: False)
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_TIMEOUT, True)
    assert not alive(site.host.look()["transaction"]["pid"])
    site.host.fault("stall", value=None)
    stage(site.engine(), site.publish("1"))


def test_cancelling_stops_the_daemon_too(site: RpmOstreeSite) -> None:
    site.host.fault("stall", value=True)
    with pytest.raises(Cancelled):
        site.engine().stage(site.publish("1"), lambda _: None, site.host.paused.exists)
    assert not alive(site.host.look()["transaction"]["pid"])
    site.host.fault("stall", value=None)
    assert site.engine().status().staged is None


def test_an_agent_that_was_killed_joins_the_staging_that_goes_on(site: RpmOstreeSite) -> None:
    target = site.publish("1")
    site.host.fault("pause", 1)
    agent = site.start_staging(target)
    agent.kill()
    agent.wait()
    daemon = site.host.look()["transaction"]["pid"]
    assert alive(daemon)
    assert failure(site, site.publish("2")).code is Code.ENGINE_BUSY
    site.go_on()
    stage(site.engine(), target)
    assert site.engine().status().staged == target.digest
    assert site.host.look()["transaction"]["pid"] == daemon


def test_discarding_stops_a_staging_that_goes_on(site: RpmOstreeSite) -> None:
    site.host.fault("pause", 1)
    agent = site.start_staging(site.publish("1"))
    agent.kill()
    agent.wait()
    site.engine().discard()
    site.go_on()
    assert site.host.look()["layers"] == {}
    assert site.engine().status().staged is None
