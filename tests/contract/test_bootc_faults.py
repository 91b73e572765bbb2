"""What is special about bootc: its lock, its toggle, its digests, and every way in which it fails."""

from __future__ import annotations

import fcntl
import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tests.support.processes import alive
from tests.support.standins import bootc_status
from tests.support.standins.bootc_host import FIRST, NAME, NEW, OLD, BootcHost, digest_of
from tidegate_agent.engines.bootc.engine import BootcEngine
from tidegate_agent.engines.bootc.values import Places, Programs, Times, Wishes
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, ImageStatus, ImageTarget, StageProgress
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WISHES = Wishes(boot_free=0, store_free=0)
TIMES = Times(status_s=60, change_s=60, stage_s=60, stall_s=60)
RELEASES = pytest.mark.parametrize("release", [OLD, NEW], ids=["old", "new"])


@pytest.fixture
def release() -> dict[str, bool]:
    return NEW


@pytest.fixture
def host(tmp_path: Path, release: dict[str, bool]) -> BootcHost:
    return BootcHost(tmp_path / "host", release)


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="DEBUG")
    yield lines
    logger.remove(sink)


def stage(engine: BootcEngine, target: ImageTarget) -> list[StageProgress]:
    seen: list[StageProgress] = []
    engine.stage(target, seen.append, lambda: False)
    return seen


def update(host: BootcHost, target: ImageTarget) -> None:
    engine = host.engine()
    stage(engine, target)
    engine.activate(target.digest)
    host.boot()


def failure(act: Callable[[], object]) -> EngineError:
    with pytest.raises(EngineError) as caught:
        act()
    return caught.value


def commands(host: BootcHost, *names: str) -> list[list[str]]:
    """The command lines so far that change something, or those of these commands."""
    quiet = ("status",)
    return [
        call[1:]
        for call in host.calls
        if "--help" not in call and (call[1] in names if names else call[1] not in quiet)
    ]


# The commands themselves


@RELEASES
def test_an_update_and_a_way_back_are_these_commands_and_no_others(
    host: BootcHost, release: dict[str, bool]
) -> None:
    target = host.push("2", index=True)
    update(host, target)
    host.engine().rollback(digest_of("manifest of installed"))
    reference = f"{NAME}@{target.digest}"
    locking = [] if release is NEW else [["upgrade", "--download-only"]]
    only = ["--download-only"] if release is NEW else []
    first = commands(host)[0]
    assert first[:2] == ["switch", "--progress-fd"]
    assert int(first[2]) > 2
    assert first[3:] == ["--transport", "registry", *only, reference]
    assert commands(host)[1:] == [*locking, ["upgrade", "--from-downloaded"], ["rollback"]]
    assert not any("--apply" in call for call in host.calls)


def test_a_reference_goes_to_bootc_as_one_word_and_without_its_tag(host: BootcHost) -> None:
    target = host.push("2")
    stage(host.engine(), replace(target, references=(f"{NAME}:v2",)))
    assert commands(host, "switch")[0][-1] == f"{NAME}@{target.digest}"


def test_an_image_in_a_layout_is_not_bootcs(host: BootcHost) -> None:
    target = replace(host.push("2"), references=("oci:/var/lib/images",))
    assert failure(lambda: stage(host.engine(), target)).code is Code.IMAGE_UNSUPPORTED
    assert commands(host) == []


# Locked from staging to activation


@RELEASES
def test_what_is_staged_is_locked_until_it_is_activated(host: BootcHost) -> None:
    target, engine = host.push("2"), host.engine()
    stage(engine, target)
    assert host.sysroot.staged is not None
    assert host.sysroot.staged["locked"]
    assert host.sysroot.reboot_required.exists()  # though nothing is to be booted yet
    assert engine.activate(target.digest) == Activation(reboot_required=True)
    assert not host.sysroot.staged["locked"]


@RELEASES
def test_a_reboot_while_locked_drops_it_and_keeps_its_layers(host: BootcHost) -> None:
    target, engine = host.push("2"), host.engine()
    stage(engine, target)
    host.boot()
    assert engine.status().staged is None
    assert stage(engine, target)[-1].bytes_fetched == 0
    assert engine.status().staged == target.digest


def test_staging_again_what_was_activated_locks_it_again(host: BootcHost) -> None:
    target, engine = host.push("2"), host.engine()
    stage(engine, target)
    engine.activate(target.digest)
    stage(engine, target)
    host.boot()
    assert engine.status().current == digest_of("manifest of installed")


@pytest.mark.parametrize("release", [OLD], ids=["old"])
@pytest.mark.parametrize(
    ("command", "kind"),
    [("switch", "killed-after"), ("upgrade", "error"), ("upgrade", "no-effect"), ("undeploy", "")],
)
def test_no_failed_staging_is_booted(host: BootcHost, command: str, kind: str) -> None:
    """An older release stages unlocked, and there is a moment before the lock."""
    if command == "undeploy":
        host.fail("upgrade", "error", text="Upgrading: connection refused")
    host.fail(command, kind, text="Upgrading: connection refused", times=1)
    error = failure(lambda: stage(host.engine(), host.push("2")))
    assert error.code in (Code.STAGE_FAILED, Code.IMAGE_UNREACHABLE)
    if command != "undeploy":
        assert host.engine().status().staged is None
    stage(host.engine(), host.push("2"))
    host.boot()
    assert host.engine().status().current == digest_of("manifest of installed")


@pytest.mark.parametrize("release", [FIRST], ids=["first"])
def test_a_release_that_cannot_lock_is_refused_unless_the_owner_accepts_it(host: BootcHost) -> None:
    target = host.push("2")
    error = failure(lambda: stage(host.engine(), target))
    assert error.code is Code.ENGINE_MISSING
    assert "follow.bootc.unlocked" in error.reason
    assert commands(host) == []
    engine = host.engine(replace(WISHES, unlocked=True))
    assert [step.percent for step in stage(engine, target)] == [0, 100]
    assert engine.activate(target.digest).reboot_required
    host.boot()
    assert engine.status().current == target.digest
    assert [call[0] for call in commands(host)] == ["switch", "switch"]  # the first one with --progress-fd


@pytest.mark.parametrize("release", [{**OLD, "unlocks_offline": False}], ids=["early"])
def test_a_release_without_from_downloaded_is_unlocked_by_a_plain_upgrade(host: BootcHost) -> None:
    target = host.push("2")
    update(host, target)
    assert commands(host)[-1] == ["upgrade"]
    assert host.engine().status().current == target.digest


# Digests


@RELEASES
def test_the_announced_digest_is_found_again_after_the_reference_was_changed_by_hand(host: BootcHost) -> None:
    target = host.push("2", index=True)
    update(host, target)
    state = host.sysroot.state
    for deployment in state["deployments"]:
        deployment["reference"] = f"{NAME}:stable"
    host.sysroot.write("sysroot/state.json", state)
    assert host.engine().status() == ImageStatus(target.digest, None, digest_of("manifest of installed"))


def test_what_is_staged_by_another_hand_is_not_taken_for_ours(host: BootcHost) -> None:
    target, engine = host.push("2", index=True), host.engine()
    stage(engine, target)
    staged = host.sysroot.read("run/staged.json")
    host.sysroot.write("run/staged.json", staged | {"manifest": digest_of("evil")})
    assert failure(lambda: engine.activate(target.digest)).code is Code.IMAGE_DIGEST_MISMATCH
    assert failure(lambda: stage(engine, target)).code is Code.IMAGE_DIGEST_MISMATCH
    assert commands(host, "upgrade") == []


def test_bootc_staging_something_else_is_noticed(host: BootcHost) -> None:
    host.fail("switch", "staged-other")
    target = host.push("2")
    error = failure(lambda: stage(host.engine(), target))
    assert error.code is Code.STAGE_FAILED
    assert f"{target.digest} was to be staged" in error.reason


def test_what_was_staged_by_a_tag_is_staged_anew_and_never_activated(host: BootcHost) -> None:
    """A tag can lead to another image between two commands."""
    target, engine = host.push("2"), host.engine()
    stage(engine, target)
    host.sysroot.write("run/staged.json", host.sysroot.read("run/staged.json") | {"reference": f"{NAME}:2"})
    assert engine.status().staged == target.digest
    assert failure(lambda: engine.activate(target.digest)).code is Code.ACTIVATE_REFUSED
    stage(engine, target)
    assert commands(host, "switch")[-1][-1] == f"{NAME}@{target.digest}"
    assert engine.activate(target.digest).reboot_required


def test_an_unlock_that_brought_something_else_is_taken_back(host: BootcHost) -> None:
    target, engine = host.push("2"), host.engine()
    stage(engine, target)
    host.fail("upgrade", "replaced", reference=f"{NAME}:stable")
    assert failure(lambda: engine.activate(target.digest)).code is Code.ACTIVATE_FAILED
    host.boot()
    assert engine.status().current == digest_of("manifest of installed")


def test_the_image_that_runs_is_not_staged_again(host: BootcHost) -> None:
    target = host.push("2")
    update(host, target)
    engine = host.engine()
    stage(engine, host.push("3"))
    before = len(commands(host, "switch"))
    stage(engine, target)
    assert len(commands(host, "switch")) == before
    assert engine.status() == ImageStatus(target.digest, None, digest_of("manifest of installed"))
    assert engine.activate(target.digest) == Activation(reboot_required=False)


# The status


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


# Fetching


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


@pytest.mark.parametrize("wishes", [replace(WISHES, boot_free=2**60), replace(WISHES, store_free=2**60)])
def test_without_space_nothing_is_begun(host: BootcHost, wishes: Wishes) -> None:
    target, tight = host.push("2"), host.engine(wishes)
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


# Activation, finalizing, the way back


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
    assert engine.status() == ImageStatus(digest_of("manifest of installed"), None, None)
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
