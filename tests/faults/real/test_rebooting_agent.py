"""A real agent on a host that reboots: it, or the power, ends right before and after each of its calls."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import everything
from tests.faults.real import inspection, simulated_host
from tests.faults.real.ground import Ground
from tests.faults.real.simulated_host import SimulatedHost
from tests.faults.real.telling import LONGEST_TEST_S
from tests.support.site import site
from tests.support.toml import toml
from tidegate_schemas.events import Step
from tidegate_schemas.statement import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(LONGEST_TEST_S)]

LIVES = 8
BOOTS = 4
"""There and back, one that a power cut brings, and one more where it took away what was staged."""

UPDATED = ["accepted", "staging", "staged", "activating", "rebooting", "proving", "succeeded"]
SICK = [*UPDATED[:-1], "rolling-back", "rolled-back"]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, sigstore: LocalSigstore) -> Iterator[Ground]:
    """A host with rpm-ostree that runs what it was installed with, then a first release."""
    folder = tmp_path_factory.mktemp("rebooting")
    host = SimulatedHost(folder / "simulated")
    tables = simulated_host.document(host.folder)
    with inspection.reaping(), site(folder, sigstore, tables=tables, started=False) as here:
        follow = here.host.document["follow"][0]
        del follow["embedded"]
        follow |= {"engine": "rpm-ostree", "rpm_ostree": {"boot_free_bytes": 0, "store_free_bytes": 0}}
        here.host.config.write_text(toml(here.host.document))
        made = Ground(here, simulated=host)
        assert not told(made, sick=False)[0]
        yield made
        host.close()


def told(ground: Ground, at: str = "", *, sick: bool, power_cut: bool = False) -> tuple[list[str], list[str]]:
    """Tell of one release, in as many lives as it takes; what went wrong, and the boundaries of all lives.

    At the boundary the agent is killed, or with it the host.
    """
    host, watcher = ground.simulated, ground.here.watcher
    assert host is not None
    ground.release_number += 1
    version = f"{ground.release_number}"
    before, booted, digest = host.current(), host.boots, host.publish(version, sick=sick)
    ground.here.channel.announce(digest, image=Image(references=(simulated_host.reference(version),)))
    ground.known = inspection.children()
    passed: list[str] = []

    def over() -> bool:
        return any(e.data.step.final for e in watcher.events if e.data.digest == digest)

    def settled() -> bool:
        return host.asked() or (over() and ground.told_all())

    for _ in range(LIVES):
        life = ground.tolled_life("" if at in passed else at)
        life.run_until(settled, "the host is to reboot, or all is over")
        killed = life.finish() == -signal.SIGKILL
        passed += life.passed()
        if killed and power_cut:
            host.boot(power_cut=True)
        elif host.asked() and not killed:
            host.boot()
        elif over() and not killed:
            break
    ground.await_told_all()
    faults = _faults(ground, digest, before if sick else digest)
    if host.boots - booted > BOOTS:
        faults.append(f"it took {host.boots - booted} boots")
    return faults, passed


def _faults(ground: Ground, digest: str, expected: str | None) -> list[str]:
    host, watcher = ground.simulated, ground.here.watcher
    assert host is not None
    inspection.await_no_others(ground.known)
    events = [e for e in watcher.events if e.data.digest == digest and e.data.percent is None]
    ids, kept = [event.id for event in watcher.events], inspection.event_ids(ground.state)
    found = [*inspection.journal_faults(ground.state), *host.faults()]
    if host.current() != expected:
        found.append(f"{host.current()} runs, not {expected}")
    if ids != kept:
        found.append(f"the broker was told {ids[-12:]}, the journal says {kept[-12:]}")
    if (end := events[-1].data.step) not in (Step.SUCCEEDED, Step.ROLLED_BACK):
        found.append(f"it ended {end}: {events[-1].data.reason}")
    firsts = [str(e.data.step) for e in events if e.data.attempt == events[-1].data.attempt]
    wanted = SICK if end is Step.ROLLED_BACK else UPDATED
    if firsts != wanted[-len(firsts) :]:
        found.append(f"the steps were {firsts}")
    return found


@pytest.mark.parametrize(
    ("sick", "power_cut", "some"),
    [
        (False, False, []),
        (True, False, ["engine.rollback, after"]),
        (False, True, ["engine.activate, after"]),
        (True, True, []),
    ],
)
def test_a_host_that_reboots_comes_to_the_same_end(
    sick: bool,  # noqa: FBT001 - a parameter of pytest's
    power_cut: bool,  # noqa: FBT001 - as above
    some: Sequence[str],
    ground: Ground,
    record_property: Callable[[str, object], None],
) -> None:
    boundaries = list(dict.fromkeys(told(ground, sick=sick)[1])) if everything() else some
    wrong = {at: told(ground, at, sick=sick, power_cut=power_cut)[0] for at in boundaries}
    record_property("cells", len(boundaries))
    assert not {at: each for at, each in wrong.items() if each}
