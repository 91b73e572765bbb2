"""The real timer in a process whose clock is set while it waits (libfaketime), or which is stopped."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.faketime import SettableClock
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real("faketime")

HOUR_S = 3600
YEAR_S = 365 * 24 * HOUR_S
PATIENCE_S = 30.0


class Alarms:
    """tests.support.alarms, running. All lines that it said are in `said`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = process
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.wait_for("ready")

    def set(self, kind: str, name: str, seconds: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"set": kind, "name": name, "s": seconds}) + "\n")
        self._process.stdin.flush()
        self.wait_for(f"set {name}")

    def wait_for(self, name: str) -> dict[str, Any]:
        """The next line with this name."""
        until = time.monotonic() + PATIENCE_S
        while True:
            line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            self.said.append(line)
            if line["name"] == name:
                return line

    def rang(self, name: str) -> int:
        """How often that rang, as far as was read."""
        return sum(line["name"] == name for line in self.said)

    def stop_for(self, seconds: float) -> None:
        """Stop the whole process group, as a suspended host stops everything."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= until, "it was stopped for long enough")
        os.killpg(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))


@pytest.fixture
def clock(tmp_path: Path) -> SettableClock:
    return SettableClock(tmp_path)


@pytest.fixture
def alarms(clock: SettableClock) -> Iterator[Alarms]:
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.alarms"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **clock.environment},
                start_new_session=True,
            )
        )
        stack.callback(process.kill)
        running = Alarms(process)
        stack.callback(running.end)
        yield running


def test_set_three_hours_on_moments_that_came_ring_and_pauses_do_not(
    alarms: Alarms, clock: SettableClock
) -> None:
    alarms.set("moment", "in an hour", HOUR_S)
    alarms.set("moment", "in four hours", 4 * HOUR_S)
    alarms.set("pause", "an hour", HOUR_S)
    clock.set_by(3 * HOUR_S)
    assert alarms.wait_for("clock")["by"] == pytest.approx(3 * HOUR_S, abs=5)
    alarms.set("pause", "a while", 0.5)
    begun = alarms.said[-1]["begun"]
    assert alarms.wait_for("a while")["elapsed"] >= begun + 0.5
    if not alarms.rang("in an hour"):
        alarms.wait_for("in an hour")
    told = ("in an hour", "in four hours", "an hour", "clock")
    assert [alarms.rang(name) for name in told] == [1, 0, 0, 1]


@pytest.mark.parametrize("back", [3 * HOUR_S, 5 * YEAR_S], ids=["3 hours", "5 years"])
def test_set_back_a_pause_is_not_longer_and_a_moment_is_still_to_come(
    alarms: Alarms, clock: SettableClock, back: int
) -> None:
    alarms.set("moment", "in a minute", 60)
    alarms.set("pause", "a second", 1)
    begun = alarms.said[-1]["begun"]
    clock.set_by(-back)
    assert alarms.wait_for("a second")["elapsed"] >= begun + 1
    if not alarms.rang("clock"):
        alarms.wait_for("clock")
    [told] = [line for line in alarms.said if line["name"] == "clock"]
    assert told["by"] == pytest.approx(-back, abs=5)
    assert alarms.rang("in a minute") == 0
    clock.set_by(HOUR_S)
    alarms.wait_for("in a minute")
    assert (alarms.rang("in a minute"), alarms.rang("a second")) == (1, 1)


def test_after_a_sleep_all_that_was_due_rings_once_and_the_clock_was_not_set(alarms: Alarms) -> None:
    alarms.set("moment", "moment", 0.8)
    alarms.set("pause", "pause", 0.8)
    alarms.stop_for(1.5)
    missing = {"moment", "pause"} - {line["name"] for line in alarms.said}
    while missing:
        alarms.wait_for(min(missing))
        missing -= {line["name"] for line in alarms.said}
    alarms.set("pause", "later", 0.5)
    alarms.wait_for("later")
    assert [alarms.rang(name) for name in ("moment", "pause", "clock")] == [1, 1, 0]
