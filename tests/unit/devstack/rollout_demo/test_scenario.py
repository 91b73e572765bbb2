"""The sizes of the demo: whatever the fleet, the canaries pass and the second wave does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate_publisher.devstack.rollout_demo.papers import release_file
from tidegate_publisher.devstack.rollout_demo.scenario import BAD, FIXED, TOLERATED, WAVES, choose
from tidegate_publisher.devstack.simulator.profile import Behaviour, Installed, Kind, host_name, make_profile
from tidegate_publisher.release_file import load_release
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, Wave, wave_of


@pytest.mark.parametrize("hosts", [100, 300, 2000, 10_000])
def test_canaries_pass_and_the_second_wave_does_not(hosts: int) -> None:
    scenario = choose(hosts)
    assert sum(scenario.sizes) == hosts
    canaries, early, _ = scenario.sizes
    assert 0 < canaries < scenario.minimum <= early
    assert scenario.failing[0] <= 0.1 * canaries
    assert scenario.failing[1] > TOLERATED * early


def test_it_is_true_of_the_very_hosts_that_are_simulated() -> None:
    scenario = choose(300)
    kind = Kind(Installed("sha256:" + "0" * 64), (scenario.share,), seed=scenario.seed)
    waves = tuple(
        Wave(name=name, fraction=fraction) for name, fraction in zip(WAVES, scenario.fractions, strict=True)
    )
    rollout = Rollout(seed=scenario.release_seed, waves=waves)
    sizes, failing = dict.fromkeys(WAVES, 0), dict.fromkeys(WAVES, 0)
    for number in range(300):
        wave = wave_of(rollout, host_name(kind, number), {})
        assert wave is not None
        sizes[wave.name] += 1
        profile = make_profile(kind, number)
        failing[wave.name] += profile.does(Behaviour.FAILS_HEALTH, BAD)
        assert not profile.does(Behaviour.FAILS_HEALTH, FIXED)
    assert (tuple(sizes.values()), tuple(failing.values())) == (scenario.sizes, scenario.failing)


@pytest.mark.parametrize("version", [BAD, FIXED])
def test_its_release_files_are_release_files(version: str) -> None:
    scenario = choose(300)
    release = load_release(release_file(scenario, Path("/images"), version).encode(), "release.yaml")
    assert (release.version, release.image) == (version, f"oci:/images:{version}")
    assert release.rollout.seed == scenario.release_seed
    assert [wave.name for wave in release.rollout.waves] == list(WAVES)
    assert release.gate.failures.share == TOLERATED
    assert [wave.gate.success or release.gate.success for wave in release.rollout.waves] == [0.9, 0.9, 1]


def test_refuses_a_fleet_that_is_too_small() -> None:
    with pytest.raises(TidegateError, match="too few") as caught:
        choose(5)
    assert caught.value.code is Code.CONFIG_VALUE
