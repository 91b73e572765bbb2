"""Signals while a run goes on, and the time that it has after them. Real signals, to this very process."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from tidegate_publisher.adapters.interruption import TooLongError, at_most, sigterm_as_ctrl_c


def test_what_takes_too_long_is_ended_also_while_it_waits() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TooLongError), at_most(0.05):
        threading.Event().wait(60)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_who_outlasts_faults_does_not_outlast_the_limit() -> None:
    waited = []

    def stubborn() -> None:
        for _ in range(2):
            try:
                threading.Event().wait(60)
            except Exception:  # noqa: BLE001 -- the point of the test
                waited.append("again")

    with pytest.raises(TooLongError), at_most(0.05):
        stubborn()
    assert waited == []


def test_what_is_done_in_time_is_left_alone() -> None:
    with at_most(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_sigterm_is_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_as_ctrl_c(), pytest.raises(KeyboardInterrupt):
        _end_ourselves()
    assert signal.getsignal(signal.SIGTERM) is before


def _end_ourselves() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(60)
