"""Which image is meant: announced digests, manifests, references by tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.bootc.steps import RELEASES, commands, failure, stage, update
from tests.support.standins.bootc_host import NAME, digest_of
from tidegate_agent.model import Activation, ImageStatus
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.support.standins.bootc_host import BootcHost


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
