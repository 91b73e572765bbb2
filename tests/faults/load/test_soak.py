"""A day with thousands of releases leaves nothing behind; nor do hundreds of statements in the real process.

A slope over the second half is judged, not what is held: by then everything was seen once. What may grow a
little is Python's own memory, which it takes in pieces of up to a MiB.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench import procfs
from tests.faults.extent import everything
from tests.support.site import Site, site
from tests.support.waiting import wait_until
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_publisher.devstack.sigstore import LocalSigstore

HOURS = 24
SAMPLES = 8 if everything() else 4
RSS_KIB = 1024.0
"""Growth of memory that is let pass, over the second half: one piece of Python's."""

DISK_BYTES = 64 * 1024.0
"""Growth of the database, the same: some pages of 4 KiB, for statements and events differ in length."""

LOG_BYTES = 5 * 1024 * 1024
"""The largest log of the database: SQLite begins it anew after a thousand pages."""

ROWS = 16.0
"""Growth of the number of rows: the requests of an hour are remembered, and hours differ."""

OBJECTS = 500.0
"""Growth of the number of Python's objects: some are in hand when they are counted."""


def growth(values: Sequence[float]) -> float:
    """By how much the second half grows, by the line of least squares through it."""
    half = values[len(values) // 2 :]
    middle, mean = (len(half) - 1) / 2, sum(half) / len(half)
    across = sum((place - middle) ** 2 for place in range(len(half)))
    slope = sum((place - middle) * (value - mean) for place, value in enumerate(half)) / across
    return slope * (len(half) - 1)


@pytest.mark.parametrize(
    ("values", "expected"), [([9, 5, 5, 5], 0), ([0, 0, 0, 1, 2, 3], 2), ([1, 1, 1, 4, 2, 4], 0)]
)
def test_growth_is_that_of_the_second_half(values: list[float], expected: float) -> None:
    assert growth(values) == pytest.approx(expected)


def test_a_day_of_releases_leaves_nothing_behind(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    releases = 125 if everything() else 2
    command = [sys.executable, "-m", "tests.faults.load.soaking", str(tmp_path), str(HOURS), str(releases)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3600)
    assert ran.returncode == 0, ran.stderr[-3000:]
    *hours, told = map(json.loads, ran.stdout.splitlines())
    assert len(hours) == HOURS
    record_property("after each hour", hours)
    record_property("what was told", told)

    def grew(what: str) -> float:
        return growth([hour[what] for hour in hours])

    assert {hour["descriptors"] for hour in hours} == {hours[0]["descriptors"]}
    assert {hour["threads"] for hour in hours} == {1}
    assert grew("rss_kib") < RSS_KIB
    assert grew("disk_bytes") < DISK_BYTES
    assert max(hour["log_bytes"] for hour in hours) < LOG_BYTES
    assert grew("rows") < ROWS
    assert grew("objects") < OBJECTS
    # Each kind of release had its turn, and came to its end.
    every = HOURS * releases // 10
    assert told[Step.SUCCEEDED] >= 2 * every
    assert told[Step.ROLLED_BACK] >= 5 * every
    assert told[Step.FAILED] >= every
    assert told[Step.SUPERSEDED] >= every - 1
    assert told[Step.REJECTED] >= every
    assert told[Step.ANSWERED] >= 3 * every


def stands_at(here: Site, sequence: int) -> bool:
    return here.watcher.statuses[-1].follows[0].sequence == sequence


def holding(pid: int, threads: float | None) -> dict[str, float]:
    """What the process holds, once the child that the last statement left for a moment is gone."""
    wait_until(lambda: not children(pid), "no child is kept", 60)
    wait_until(lambda: threads is None or procfs.threads(pid) <= threads, "no thread is left", 60)
    return {
        "rss_kib": 1024 * procfs.rss_mib(pid),
        "descriptors": procfs.descriptors(pid),
        "threads": procfs.threads(pid),
    }


def children(pid: int) -> list[str]:
    """The child processes of all threads of a process (proc_pid_task_children(5))."""
    found: list[str] = []
    for one in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += one.read_text().split()
    return found


@pytest.mark.real("mosquitto")
def test_many_statements_leave_nothing_in_the_real_process(
    tmp_path: Path, sigstore: LocalSigstore, record_property: Callable[[str, object], None]
) -> None:
    times = 400 if everything() else 8
    with site(tmp_path, sigstore) as here:
        version = here.images.release("1")
        here.channel.announce(version)
        here.watcher.wait_for(Step.SUCCEEDED, version)

        held: list[dict[str, float]] = []
        for _ in range(SAMPLES):
            for _ in range(times // SAMPLES):
                # About what runs already: verified, written down, told, and nothing more.
                here.channel.announce(version)
                here.watcher.wait(partial(stands_at, here, here.channel.sequence), "it is known", 60)
            held.append(holding(here.host.pid, held[0]["threads"] if held else None))
    record_property("after each part", held)
    assert {each["descriptors"] for each in held} == {held[0]["descriptors"]}
    assert max(each["threads"] for each in held) == held[0]["threads"]
    assert growth([each["rss_kib"] for each in held]) < RSS_KIB
