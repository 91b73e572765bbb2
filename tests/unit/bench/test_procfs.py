"""Reading /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.bench import procfs
from tests.bench.procfs import Activity

STATUS = """Name:\ttidegate-agent
VmHWM:\t   53248 kB
VmRSS:\t   50688 kB
voluntary_ctxt_switches:\t17
nonvoluntary_ctxt_switches:\t5
"""
ROLLUP = """55f0c9a00000-7ffd34ed8000 ---p 00000000 00:00 0                          [rollup]
Rss:               50688 kB
Pss:               40551 kB
Pss_Anon:          33000 kB
"""


def test_a_field_is_the_number_after_exactly_its_name() -> None:
    assert procfs.field(STATUS, "VmRSS") == 50688
    assert procfs.field(STATUS, "voluntary_ctxt_switches") == 17
    assert procfs.field(ROLLUP, "Pss") == 40551


def test_a_field_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError, match="VmSwap"):
        procfs.field(STATUS, "VmSwap")


def test_schedstat_begins_with_nanoseconds() -> None:
    assert procfs.on_processor_s("51250575 29056424 156\n") == pytest.approx(0.051250575)


def test_activity_is_counted_from_an_earlier_one() -> None:
    assert Activity(2.5, 30).since(Activity(0.5, 10)) == Activity(2.0, 20)


def test_this_process_is_read() -> None:
    earlier = procfs.activity(os.getpid())
    sum(range(3_000_000))
    assert procfs.activity(os.getpid()).since(earlier).cpu_s > 0
    assert 0 < procfs.pss_mib(os.getpid()) <= procfs.rss_mib(os.getpid()) + 1
    assert procfs.bytes_written(os.getpid()) > 0


def test_open_files_and_threads_are_counted() -> None:
    files, threads = procfs.descriptors(os.getpid()), procfs.threads(os.getpid())
    told_to_end = threading.Event()
    waiting = threading.Thread(target=told_to_end.wait)
    with Path(os.devnull).open():
        waiting.start()
        assert procfs.descriptors(os.getpid()) == files + 1
        assert procfs.threads(os.getpid()) == threads + 1
        told_to_end.set()
        waiting.join()
    assert procfs.descriptors(os.getpid()) == files
