"""What the bootc engine makes of bootc's progress stream, its help texts and its complaints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.engines.bootc.command import COMPLAINTS
from tidegate_agent.engines.bootc.features import Features, read_features
from tidegate_agent.engines.bootc.progress import PullMeter
from tidegate_agent.model import StageProgress
from tidegate_schemas.codes import Code


def metered(*events: Any) -> list[StageProgress]:
    seen: list[StageProgress] = []
    meter = PullMeter(seen.append)
    meter.begin()
    for event in events:
        meter.line(event if isinstance(event, bytes) else json.dumps(event).encode())
    meter.done()
    return seen


def pulling(fetched: int, total: int) -> dict[str, Any]:
    return {"type": "ProgressBytes", "task": "pulling", "bytes": fetched, "bytesTotal": total}


def steps(task: str, done: int, total: int) -> dict[str, Any]:
    return {"type": "ProgressSteps", "task": task, "steps": done, "stepsTotal": total}


def test_progress_goes_through_all_tasks() -> None:
    seen = metered(
        {"type": "Start", "version": "0.1.0"},
        pulling(50, 100),
        pulling(100, 100),
        steps("importing", 1, 1),
        steps("staging", 0, 3),
        steps("staging", 2, 3),
        steps("staging", 3, 3),
    )
    assert [step.percent for step in seen] == [0, 35, 70, 80, 92, 99, 100]
    assert seen[1] == StageProgress(35, 50, 100)
    assert seen[-1] == StageProgress(100, 100, 100)


def test_without_a_stream_there_is_a_beginning_and_an_end() -> None:
    assert metered() == [StageProgress(0, 0, 0), StageProgress(100, 0, 0)]


def test_what_cannot_be_understood_is_passed_over() -> None:
    seen = metered(
        *(b"", b"\xff{", b"[]", b"7", b'"x"', b"[" * 100_000),
        *({"type": "Novelty"}, pulling(-5, 10), pulling(2**60, 1), steps("novelty", 1, 1)),
        {"type": "ProgressBytes", "bytes": "many", "bytesTotal": None},
    )
    assert [step.percent for step in seen] == [0, 100]


def test_more_than_was_to_be_fetched_raises_the_total() -> None:
    assert metered(pulling(150, 100))[1] == StageProgress(70, 150, 150)


@given(
    st.lists(
        st.tuples(st.sampled_from(["pull", "importing", "staging"]), st.integers(0, 200), st.integers(0, 100))
    )
)
def test_percents_only_rise(events: list[tuple[str, int, int]]) -> None:
    seen = metered(*[pulling(a, b) if task == "pull" else steps(task, a, b) for task, a, b in events])
    percents = [step.percent for step in seen]
    assert percents == sorted(set(percents))
    assert (percents[0], percents[-1]) == (0, 100)
    assert seen[-1].bytes_fetched == seen[-1].bytes_total
    assert all(step.bytes_fetched <= step.bytes_total for step in seen)


SWITCH_OLD = """Target a new container image reference to boot

Usage: bootc switch [OPTIONS] <TARGET>

Options:
      --quiet
          Don't display progress
      --soft-reboot <SOFT_REBOOT>
          Configure soft reboot behavior
      --retain
          Retain reference to the booted image, see also --download-only of upgrade
  -h, --help
          Print help
"""
UPGRADE_NEW = """Options:
      --download-only          Download and stage the update without applying it
      --from-downloaded        Apply a staged deployment
      --soft-reboot <SOFT_REBOOT>
"""


def test_only_an_option_that_is_introduced_counts() -> None:
    assert read_features(SWITCH_OLD, UPGRADE_NEW) == Features(
        switch_locks=False, upgrade_locks=True, unlocks_offline=True, soft_reboots=True
    )


def test_nothing_is_known_of_a_silent_release() -> None:
    assert read_features("", "") == Features(
        switch_locks=False, upgrade_locks=False, unlocks_offline=False, soft_reboots=False
    )


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (
            "Deployment contains local rpm-ostree modifications; cannot upgrade via bootc.",
            Code.ENGINE_CONFLICT,
        ),
        ("Locking sysroot: Resource temporarily unavailable (os error 11)", Code.ENGINE_BUSY),
        ("Acquiring Sysroot: No space left on device", Code.DISK_FULL),
        ("reading manifest sha256:0 in r/os: manifest unknown", Code.IMAGE_NOT_FOUND),
        ("reading manifest sha256:0 in quay.io/unauthorized/manifest unknown-to-all: odd", Code.STAGE_FAILED),
    ],
)
def test_complaints_are_understood(said: str, code: Code) -> None:
    assert COMPLAINTS.code(f"error: Switching: {said}", Code.STAGE_FAILED) is code
