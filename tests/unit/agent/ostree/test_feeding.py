"""A pipe that a thread fills: read to its end, left early, broken on either side."""

from __future__ import annotations

import threading
from typing import IO

import pytest

from tidegate_agent.engines.ostree.feeding import feeding

_MORE_THAN_A_PIPE = 10 * 1024 * 1024


def much(pipe: IO[bytes]) -> None:
    pipe.write(bytes(_MORE_THAN_A_PIPE))


def endless(pipe: IO[bytes]) -> None:
    while True:
        pipe.write(bytes(65536))


def feeders() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "feed"]


def test_what_is_written_is_read() -> None:
    with feeding(much) as pipe:
        assert len(pipe.read()) == _MORE_THAN_A_PIPE
    assert feeders() == []


def test_a_reader_that_leaves_early_ends_the_writer_and_is_not_believed() -> None:
    with pytest.raises(BrokenPipeError), feeding(endless) as pipe:
        assert len(pipe.read(10)) == 10
    assert feeders() == []


def test_what_the_writer_raises_is_raised_when_the_block_is_left() -> None:
    def fail(pipe: IO[bytes]) -> None:
        pipe.write(b"some")
        raise ValueError("the source")

    with pytest.raises(ValueError, match="the source"), feeding(fail) as pipe:
        assert pipe.read() == b"some"


def test_where_both_raise_the_writer_is_the_cause() -> None:
    def fail(_: IO[bytes]) -> None:
        raise ValueError("the source")

    def complain(pipe: IO[bytes]) -> None:
        assert pipe.read() == b""
        raise KeyError("cut off")

    with pytest.raises(ValueError, match="the source"), feeding(fail) as pipe:
        complain(pipe)


def test_what_the_reader_raises_counts() -> None:
    with pytest.raises(KeyError, match="the reader"), feeding(endless):
        raise KeyError("the reader")
    assert feeders() == []
