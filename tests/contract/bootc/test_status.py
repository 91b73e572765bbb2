"""A status that fails, blocks or lies, and hosts that are not bootc's."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.bootc.steps import TIMES, commands, failure, stage
from tests.support.standins import bootc_status
from tests.support.standins.bootc_host import digest_of
from tidegate_agent.engines.bootc.engine import BootcEngine
from tidegate_agent.engines.bootc.values import Places, Programs
from tidegate_agent.model import ImageStatus, StageProgress
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.standins.bootc_host import BootcHost
    from tidegate_agent.errors import EngineError


def test_a_status_that_fails_in_passing_is_asked_for_again(host: BootcHost) -> None:
    for kind in ("garbage", "truncated", "error", "document"):
        host.fail("status", kind, text="Status: Acquiring sysroot: bad file descriptor", document={"kind": 1})
        assert host.engine().status().current == digest_of("manifest of installed")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "garbage"}, Code.ENGINE_OUTPUT),
        ({"kind": "truncated"}, Code.ENGINE_OUTPUT),
        ({"kind": "flood"}, Code.ENGINE_OUTPUT),
        ({"kind": "document", "document": []}, Code.ENGINE_OUTPUT),
        ({"kind": "error", "text": "Status: Unknown"}, Code.ENGINE_OUTPUT),
        ({"kind": "error", "text": "Status: Acquiring Sysroot: No space left on device"}, Code.DISK_FULL),
    ],
    ids=["garbage", "truncated", "flood", "document", "error", "enospc"],
)
def test_a_status_that_goes_on_failing_is_an_error(
    host: BootcHost, fault: dict[str, str], code: Code
) -> None:
    host.fail("status", **fault, times=2)
    error = failure(host.engine().status)
    assert error.code is code
    assert error.retryable
    assert "\x1b" not in error.reason
    assert host.engine().status().staged is None


def test_a_status_that_a_failed_finalizing_broke_tells_of_it(host: BootcHost) -> None:
    host.sysroot.stamp.write_text("error: Writing deployments: No space left on device")
    host.fail("status", "error", text="Status: Initializing storage: odd", times=2)
    error = failure(host.engine().status)
    assert error.code is Code.ENGINE_OUTPUT
    assert "Initializing storage: odd" in error.reason
    assert "finalizing a staged deployment failed at the last shutdown: error: Writing" in error.reason


def test_whoever_holds_the_sysroot_is_not_waited_for_for_ever(host: BootcHost) -> None:
    engine = host.engine(times=replace(TIMES, status_s=1))
    with (host.folder / "sysroot" / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for act in (engine.status, engine.discard, lambda: stage(engine, host.push("2"))):
            error = failure(act)
            assert (error.code, error.retryable) == (Code.ENGINE_BUSY, True)
    assert host.engine().status().current is not None


def test_two_engines_do_not_work_at_once(host: BootcHost) -> None:
    errors: list[EngineError] = []

    def meddle(_: StageProgress) -> None:
        errors.extend(failure(act) for act in (host.engine().discard, lambda: host.engine().rollback("x")))

    host.engine().stage(host.push("2"), meddle, lambda: False)
    assert {error.code for error in errors} == {Code.ENGINE_BUSY}


def test_a_missing_bootc_is_named(tmp_path: Path) -> None:
    engine = BootcEngine(Places(tmp_path), Programs(bootc=("no-such-bootc",)))
    error = failure(engine.status)
    assert error.code is Code.ENGINE_MISSING
    assert "no-such-bootc" in error.reason


def test_a_host_that_bootc_did_not_boot_has_no_status(host: BootcHost) -> None:
    host.release(not_booted=True)
    for act in (host.engine().status, lambda: stage(host.engine(), host.push("2"))):
        assert failure(act).code is Code.ENGINE_MISSING


def test_layered_packages_are_left_alone(host: BootcHost) -> None:
    state = host.sysroot.state
    state["deployments"][0]["incompatible"] = True
    host.sysroot.write("sysroot/state.json", state)
    assert host.engine().status() == ImageStatus(None, None, None)
    error = failure(lambda: stage(host.engine(), host.push("2")))
    assert error.code is Code.ENGINE_CONFLICT
    assert "rpm-ostree reset" in error.reason


def test_a_read_only_medium_is_told_of_before_anything_is_fetched(host: BootcHost) -> None:
    document = bootc_status.document(host.sysroot)
    document["status"]["readOnly"] = True
    host.fail("status", "document", document=document)
    assert failure(lambda: stage(host.engine(), host.push("2"))).code is Code.DISK_IO
    assert commands(host) == []
