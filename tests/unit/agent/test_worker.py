"""The thread for slow calls: in order, past faults, and never in the way of an end."""

from __future__ import annotations

import subprocess
import sys
import threading

from tidegate_agent.adapters.worker import Worker, end_all

HANGS = """
import threading
from tidegate_agent.adapters.worker import Worker, end_all
worker, began = Worker("slow"), threading.Event()
worker.submit(lambda: (began.set(), threading.Event().wait()))
began.wait()
print(end_all([worker], 0.01))
"""


def test_calls_are_run_in_order_and_a_fault_ends_none_but_its_own() -> None:
    worker, done, ran = Worker("test"), threading.Event(), list[int]()
    worker.submit(lambda: ran.append(1))
    worker.submit(lambda: 1 // 0)
    worker.submit(lambda: ran.append(2))
    worker.submit(done.set)
    assert done.wait(10)
    assert ran == [1, 2]
    assert end_all([worker], 10)


def test_what_is_under_way_may_end_and_what_waits_is_not_begun() -> None:
    worker, began, go_on, ran = Worker("test"), threading.Event(), threading.Event(), list[int]()

    def slow() -> None:
        began.set()
        go_on.wait(10)
        ran.append(1)

    worker.submit(slow)
    worker.submit(lambda: ran.append(2))
    assert began.wait(10)
    worker.stop()
    go_on.set()
    assert worker.join(10)
    assert ran == [1]


def test_a_call_that_hangs_holds_up_no_end_of_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
