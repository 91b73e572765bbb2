"""Registries, progress and disks that fail while bootc fetches."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.bootc.steps import TIMES, WISHES, commands, failure, stage
from tests.support.processes import alive
from tests.support.standins.bootc_host import NAME
from tidegate_agent.engines.reserve import Reserve
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.standins.bootc_host import BootcHost
    from tidegate_agent.engines.bootc.values import Times


@pytest.mark.parametrize("kind", ["drip", "bad-progress", "no-progress"])
def test_progress_is_for_showing_only(host: BootcHost, kind: str) -> None:
    host.fail("switch", kind)
    target = host.push("2")
    assert stage(host.engine(), target)[-1].percent == 100
    assert host.engine().status().staged == target.digest


@pytest.mark.parametrize(
    "times", [replace(TIMES, stall_s=2), replace(TIMES, stage_s=2)], ids=["stall", "total"]
)
def test_a_registry_that_stalls_is_given_up_and_the_lock_is_free(host: BootcHost, times: Times) -> None:
    host.fail("switch", "stall")
    target = host.push("2")
    error = failure(lambda: stage(host.engine(times=times), target))
    assert (error.code, error.retryable) == (Code.ENGINE_TIMEOUT, True)
    assert not alive(int((host.folder / "paused").read_text()))
    rest = stage(host.engine(), target)[-1].bytes_fetched
    assert rest == 0 or rest < 40_000  # what was fetched is not fetched again


def test_a_bootc_that_is_killed_is_told_of(host: BootcHost) -> None:
    host.fail("switch", "killed")
    error = failure(lambda: stage(host.engine(), host.push("2")))
    assert (error.code, error.retryable) == (Code.STAGE_FAILED, True)
    assert "was ended by signal 9" in error.reason


def test_a_failing_deployment_is_told_in_bootcs_words(host: BootcHost) -> None:
    host.fail("switch", "deploy-error", text="Switching: Staging: Deploying tree: something odd")
    error = failure(lambda: stage(host.engine(), host.push("2")))
    assert error.code is Code.STAGE_FAILED
    assert "error: Switching: Staging: Deploying tree: something odd" in error.reason


def test_a_registry_that_is_down_is_tried_again(host: BootcHost) -> None:
    host.registry(down=True)
    error = failure(lambda: stage(host.engine(), host.push("2")))
    assert (error.code, error.retryable) == (Code.IMAGE_UNREACHABLE, True)


def test_another_of_the_images_places_is_taken(host: BootcHost) -> None:
    elsewhere = "mirror.example.com/os"
    target = host.push("2", names=(elsewhere,))
    error = failure(lambda: stage(host.engine(), target))
    assert error.code is Code.IMAGE_NOT_FOUND
    stage(host.engine(), replace(target, references=(NAME, elsewhere)))
    assert host.engine().status().staged == target.digest


def test_a_full_disk_is_no_matter_of_another_place(host: BootcHost) -> None:
    target = replace(host.push("2"), references=(NAME, "mirror.example.com/os"))
    with host.full():
        assert failure(lambda: stage(host.engine(), target)).code is Code.DISK_FULL
    assert len(commands(host, "switch")) == 1


def test_credentials_are_linked_where_bootc_reads_them(host: BootcHost, tmp_path: Path) -> None:
    host.registry(secret="s3cr3t")
    target, file = host.push("2"), tmp_path / "auth.json"
    assert failure(lambda: stage(host.engine(), target)).code is Code.IMAGE_UNAUTHORIZED
    file.write_text(json.dumps({"auths": {"registry.example.com": {"auth": "s3cr3t"}}}))
    stage(host.engine(replace(WISHES, auth_file=file)), target)
    assert (host.folder / "run" / "ostree" / "auth.json").readlink() == file
    assert not any("s3cr3t" in word for call in host.calls for word in call)


@pytest.mark.parametrize("reserve", [Reserve(2**60, 0), Reserve(0, 2**60)], ids=["boot", "store"])
def test_without_space_nothing_is_begun(host: BootcHost, reserve: Reserve) -> None:
    target, tight = host.push("2"), host.engine(replace(WISHES, reserve=reserve))
    assert failure(lambda: stage(tight, target)).code is Code.DISK_FULL
    assert commands(host) == []
    stage(host.engine(), target)
    assert failure(lambda: tight.activate(target.digest)).code is Code.DISK_FULL
    assert host.sysroot.staged is not None
    assert host.sysroot.staged["locked"]


def test_beside_another_update_agent_nothing_is_staged(host: BootcHost) -> None:
    host.units({"bootc-fetch-apply-updates.timer": ("active", "enabled")})
    error = failure(lambda: stage(host.engine(), host.push("2")))
    assert error.code is Code.ENGINE_CONFLICT
    assert "systemctl mask --now bootc-fetch-apply-updates.timer" in error.reason
    assert host.calls == []
