"""A real agent, broker and publisher, while the agent's clock is set under it (libfaketime)."""

from __future__ import annotations

import contextlib
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import everything
from tests.support import faked_agent
from tests.support.faketime import SettableClock
from tests.support.site import Site, site
from tests.support.waiting import wait_until
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.broker_kinds import Kind

pytestmark = [pytest.mark.real("faketime"), pytest.mark.real("mosquitto")]

HOUR = timedelta(hours=1)
YEAR_S = 365 * 24 * 3600
NOTICED_S = 90.0
"""A clock that was set is noticed within half a minute."""


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create()


@contextlib.contextmanager
def faked(
    folder: Path,
    sigstore: LocalSigstore,
    kind: Kind = "mosquitto-5",
    tables: Mapping[str, object] | None = None,
    *,
    started: bool = True,
) -> Iterator[tuple[Site, SettableClock]]:
    """A site whose agent's clock can be set."""
    clock = SettableClock(folder)
    variables = [f"{name}={value}" for name, value in clock.environment.items()]
    assert faked_agent.__file__ is not None
    launcher = ["env", *variables, sys.executable, faked_agent.__file__]
    with site(folder, sigstore, kind, tables=tables, launcher=launcher, started=started) as here:
        yield here, clock


def test_set_back_by_years_it_still_takes_up_what_is_new(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with faked(tmp_path, sigstore) as (here, clock):
        v1 = here.images.release("1")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1, timeout_s=60)
        began = datetime.now(UTC)
        clock.set_by(-5 * YEAR_S)
        v2 = here.images.release("2")
        here.channel.announce(v2)
        done = here.watcher.wait_for(Step.SUCCEEDED, v2, timeout_s=60)
        assert here.version() == "2"
        # What it tells the fleet is dated by what is proven to have passed, not by its clock.
        assert done.time > began - HOUR
        here.host.kill()
        here.host.start()
        v3 = here.images.release("3")
        here.channel.announce(v3)
        here.watcher.wait_for(Step.SUCCEEDED, v3, timeout_s=60)
        assert here.host.switches == [v1, v2, v3]


SLOW = pytest.mark.skipif(not everything(), reason="waits for long; TIDEGATE_FAULTS=all runs it")


@SLOW
def test_set_forward_past_the_end_of_a_blackout_it_activates_once(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    now = datetime.now(UTC)
    closed = {"blackout": [{"from": now - HOUR, "until": now + 2 * HOUR}]}
    with faked(tmp_path, sigstore, tables=closed) as (here, clock):
        v1 = here.images.release("1")
        here.channel.announce(v1)
        waiting = here.watcher.wait_for(Step.WAITING, v1, timeout_s=60)
        assert waiting.data.waiting_for == "window"
        clock.set_by(3 * 3600)
        here.watcher.wait_for(Step.SUCCEEDED, v1, timeout_s=NOTICED_S)
        assert here.host.switches == [v1]
        assert here.watcher.steps(v1).count(Step.ACTIVATING) == 1


@SLOW
def test_before_any_certificate_is_valid_it_goes_on_trying_to_reach_its_broker(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with faked(tmp_path, sigstore, "mosquitto-mutual-tls", started=False) as (here, clock):
        v1 = here.images.release("1")
        here.channel.announce(v1)
        clock.set_by(-20 * YEAR_S)
        here.host.start()
        wait_until(lambda: "not yet valid" in here.host.log.read_text(), "it says why", timeout_s=60)
        assert here.host.follow().state == "idle"
        clock.set_by(0)
        here.watcher.wait_for(Step.SUCCEEDED, v1, timeout_s=NOTICED_S + 60)
