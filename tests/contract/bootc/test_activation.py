"""Activation, finalizing, and the way back with a command that toggles."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.bootc.steps import WISHES, commands, failure, stage, update
from tests.support.standins.bootc_host import digest_of
from tidegate_agent.model import Activation, ImageStatus
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.support.standins.bootc_host import BootcHost


@pytest.mark.parametrize(
    ("kind", "code"), [("no-effect", Code.ACTIVATE_FAILED), ("error", Code.ACTIVATE_FAILED)]
)
def test_an_unlock_that_did_nothing_is_no_activation(host: BootcHost, kind: str, code: Code) -> None:
    target, engine = host.push("2"), host.engine()
    stage(engine, target)
    host.fail("upgrade", kind, text="Upgrading: change finalization: odd")
    assert failure(lambda: engine.activate(target.digest)).code is code
    assert engine.activate(target.digest).reboot_required


@pytest.mark.parametrize("capable", [True, False])
def test_a_soft_reboot_is_one_only_where_bootc_says_so(host: BootcHost, *, capable: bool) -> None:
    target, engine = host.push("2", soft=capable), host.engine(replace(WISHES, soft_reboot=True))
    stage(engine, target)
    for _ in range(2):
        assert engine.activate(target.digest) == Activation(reboot_required=True, soft=capable)
    assert commands(host, "upgrade") == [["upgrade", "--from-downloaded", "--soft-reboot=auto"]] * 2
    assert engine.capabilities().soft_reboot


def test_without_the_wish_there_is_no_soft_reboot(host: BootcHost) -> None:
    target, engine = host.push("2", soft=True), host.engine()
    stage(engine, target)
    assert engine.activate(target.digest) == Activation(reboot_required=True, soft=False)
    assert not engine.capabilities().soft_reboot


@pytest.mark.parametrize("stamp", ["error: Finalizing: No space left on device", ""], ids=["stamp", "none"])
def test_a_failed_finalizing_leaves_the_old_image_and_can_be_tried_again(
    host: BootcHost, log: list[str], stamp: str
) -> None:
    target, engine = host.push("2"), host.engine()
    stage(engine, target)
    engine.activate(target.digest)
    host.boot(finalizing_fails=stamp)
    status = engine.status()
    assert replace(status, fault=None) == ImageStatus(digest_of("manifest of installed"), None, None)
    assert (status.fault is not None) == bool(stamp)
    assert stamp in (status.fault or "")
    stage(engine, target)
    assert any(stamp in line for line in log if "finalizing" in line) == bool(stamp)
    engine.activate(target.digest)
    host.boot()
    assert engine.status().current == target.digest


def test_a_rollback_that_did_nothing_is_an_error(host: BootcHost) -> None:
    update(host, host.push("2"))
    previous = digest_of("manifest of installed")
    for kind in ("no-effect", "error"):
        host.fail("rollback", kind, text="Rollback: odd")
        assert failure(lambda: host.engine().rollback(previous)).code is Code.ROLLBACK_FAILED
    assert host.engine().rollback(previous).reboot_required


def test_a_rollback_that_was_cut_short_is_not_toggled_back(host: BootcHost) -> None:
    update(host, host.push("2"))
    previous = digest_of("manifest of installed")
    host.fail("rollback", "killed-after")
    assert failure(lambda: host.engine().rollback(previous)).code is Code.ROLLBACK_FAILED
    assert host.engine().rollback(previous) == Activation(reboot_required=True)
    assert len(commands(host, "rollback")) == 1
    host.boot()
    assert host.engine().status().current == previous


def test_a_queued_rollback_wins_over_what_was_activated_since(host: BootcHost) -> None:
    update(host, host.push("2"))
    engine, third, previous = host.engine(), host.push("3"), digest_of("manifest of installed")
    engine.rollback(previous)
    stage(engine, third)
    engine.activate(third.digest)
    assert engine.rollback(previous).reboot_required
    host.boot()
    assert engine.status().current == previous


def test_the_way_back_without_the_agent_may_be_run_twice(host: BootcHost) -> None:
    update(host, host.push("2"))
    command = host.engine().capabilities().fallback
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert host.sysroot.rollback_queued
    host.boot()
    assert host.engine().status().current == digest_of("manifest of installed")


def test_the_first_deployment_is_never_removed_for_the_staged_one(host: BootcHost) -> None:
    update(host, host.push("2"))
    engine = host.engine()
    engine.rollback(digest_of("manifest of installed"))
    engine.discard()
    assert commands(host, "admin") == []
    assert engine.status().previous == digest_of("manifest of installed")


def test_layers_that_cannot_be_pruned_do_not_keep_the_staged_image(host: BootcHost, log: list[str]) -> None:
    engine = host.engine()
    stage(engine, host.push("2"))
    host.fail("prune", "error", text="odd")
    engine.discard()
    assert engine.status().staged is None
    assert any("layers that are not needed" in line for line in log)


def test_what_cannot_be_dropped_is_an_error(host: BootcHost) -> None:
    engine = host.engine()
    stage(engine, host.push("2"))
    host.fail("undeploy", "error", text="odd")
    assert failure(engine.discard).code is Code.STAGE_FAILED
    engine.discard()
    assert engine.status().staged is None
