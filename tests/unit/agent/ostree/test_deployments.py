"""What `ostree admin status` prints, version by version, and which deployment is for what."""

from __future__ import annotations

import pytest

from tidegate_agent.engines.ostree.deployments import Deployment, first, marked, parse_status, slots
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def status(*lines: str) -> tuple[Deployment, ...]:
    return parse_status("\n".join(lines) + "\n")


def test_a_sysroot_without_deployments() -> None:
    assert status("No deployments.") == ()


def test_every_state_that_a_deployment_can_have() -> None:
    found = status(
        f"  debian {A}.0 (finalization locked)",
        "    Version: 3",
        f"    origin refspec: tidegate/image/{A}",
        f"* debian {B}.1",
        "    Pinned: yes",
        f"  debian {C}.0 (rollback)",
        f"  other {D}.12 (pending)",
    )
    assert found == (
        Deployment(0, "debian", A, 0, staged=True, locked=True),
        Deployment(1, "debian", B, 1, booted=True, pinned=True),
        Deployment(2, "debian", C, 0),
        Deployment(3, "other", D, 12),
    )


def test_a_staged_deployment_that_is_not_locked() -> None:
    staged, booted = status(f"  debian {A}.0 (staged)", f"* debian {B}.0")
    assert (staged.staged, staged.locked) == (True, False)
    assert marked((staged, booted)) == booted
    assert first((staged, booted)) == booted


def test_a_version_that_looks_like_a_deployment_is_none() -> None:
    found = status(f"* debian {A}.0", f"    Version: x {B}.0", "    Pinned: no")
    assert found == (Deployment(0, "debian", A, booted=True),)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "garbage\n", "\0\1\2", f"* debian {'a' * 63}.0\n", "error: opendir\n", f"x debian {A}.0\n"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(EngineError) as caught:
        parse_status(text)
    assert caught.value.code is Code.ENGINE_OUTPUT


def test_the_running_one_is_first() -> None:
    found = slots(status(f"* tide {A}.0", f"  tide {B}.0 (rollback)", f"  tide {C}.0"), "tide", marked)
    assert (found.booted, found.previous) == (Deployment(0, "tide", A, booted=True), Deployment(1, "tide", B))
    assert (found.queued, found.staged) == (False, None)
    assert [one.commit for one in found.surplus] == [C]
    assert [one.commit for one in found.kept] == [A, B]


def test_after_a_fallback_the_previous_is_the_one_that_did_not_come_up() -> None:
    found = slots(status(f"  tide {A}.0 (pending)", f"* tide {B}.0", f"  tide {C}.0"), "tide", marked)
    assert found.booted is not None
    assert found.previous is not None
    assert (found.booted.commit, found.previous.commit, found.queued) == (B, A, True)
    assert [one.commit for one in found.surplus] == [C]


def test_what_is_staged_is_neither_queued_nor_previous() -> None:
    found = slots(status(f"  tide {A}.0 (staged)", f"* tide {B}.0"), "tide", marked)
    assert found.staged is not None
    assert (found.staged.commit, found.queued, found.previous, found.surplus) == (A, False, None, ())


def test_pinned_ones_and_those_of_others_stay() -> None:
    lines = (f"* tide {A}.0", f"  tide {B}.0", f"  tide {C}.0", "    Pinned: yes", f"  other {D}.0")
    found = slots(status(*lines), "tide", marked)
    assert found.surplus == ()
    assert [one.commit for one in found.kept] == [A, B, C, D]


def test_surplus_is_listed_from_the_end_so_that_numbers_stay_right() -> None:
    lines = (f"* tide {A}.0", f"  tide {B}.0", f"  tide {C}.0", f"  tide {D}.0")
    assert [one.index for one in slots(status(*lines), "tide", marked).surplus] == [3, 2]


def test_nothing_runs_from_a_sysroot_that_is_not_live() -> None:
    deployments = status(f"  tide {A}.0", f"  tide {B}.0")
    assert slots(deployments, "tide", marked).booted is None
    found = slots(deployments, "tide", first)
    assert (found.booted, found.previous) == deployments
