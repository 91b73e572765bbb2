"""The commands that bootc is driven by, and its lock, from staging to activation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.bootc.steps import RELEASES, WISHES, commands, failure, stage, update
from tests.support.standins.bootc_host import FIRST, NAME, NEW, OLD, digest_of
from tidegate_agent.model import Activation
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.support.standins.bootc_host import BootcHost


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
