"""What many ask at once is asked of the history once; what is not there leaves nothing behind."""

from __future__ import annotations

import sys

import pytest

from tests.fakes.history import FakeHistory
from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.web.problems import PageError
from tidegate_fleet.web.reading import Reading
from tidegate_fleet.web.site import Site


def test_questions_about_what_is_not_there_leave_nothing_behind() -> None:
    reading = Reading(FakeHistory(), Site())
    keys = [ReleaseKey("os", "stable", f"sha256:{number:064x}") for number in range(2000)]
    before = [sys.getrefcount(key) for key in keys]
    for key in keys:
        with pytest.raises(PageError):
            reading.release(key)
    del key
    assert [sys.getrefcount(key) for key in keys] == before
