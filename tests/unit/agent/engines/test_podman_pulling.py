"""Progress and patience while podman pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_agent.engines.images.meter import Meter
from tidegate_agent.engines.podman.pulling import Growth
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.model import StageProgress


class Pull:
    """A pull of 100 bytes that the test makes up."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.stop = folder, 0.0, False
        self.seen: list[StageProgress] = []
        meter = Meter(self.seen.append, lambda: self.stop)
        meter.expect(100, 0)
        self.growth = Growth((folder, folder / "absent"), 100, meter, stall_s=10.0, clock=lambda: self.now)

    def fetched(self, size: int) -> None:
        (self.folder / "storage1").mkdir(exist_ok=True)
        (self.folder / "storage1" / "1").write_bytes(bytes(size))

    @property
    def bytes(self) -> int:
        return self.seen[-1].bytes_fetched


@pytest.fixture
def pull(tmp_path: Path) -> Pull:
    return Pull(tmp_path)


def test_what_grows_is_progress(pull: Pull) -> None:
    for size in (30, 60):
        pull.fetched(size)
        assert not pull.growth.cancelled()
        assert pull.bytes == size
    pull.growth.complete()
    assert pull.bytes == 100


def test_what_comes_twice_after_a_broken_connection_counts_once(pull: Pull) -> None:
    for size in (60, 10, 60, 80):
        pull.fetched(size)
        pull.growth.cancelled()
    assert pull.bytes == 80
    pull.fetched(500)
    pull.growth.cancelled()
    assert pull.bytes == 100


def test_nothing_for_too_long_is_a_stall(pull: Pull) -> None:
    pull.fetched(40)
    pull.growth.cancelled()
    pull.now = 9.9
    pull.growth.cancelled()
    pull.now = 10.0
    with pytest.raises(TidegateError) as caught:
        pull.growth.cancelled()
    assert caught.value.code is Code.ENGINE_TIMEOUT
    assert "40 of 100 bytes" in caught.value.reason


def test_unpacking_is_no_stall(pull: Pull) -> None:
    pull.fetched(100)
    pull.growth.cancelled()
    pull.now = 10_000.0
    assert not pull.growth.cancelled()


def test_the_caller_may_stop_it(pull: Pull) -> None:
    pull.stop = True
    assert pull.growth.cancelled()
