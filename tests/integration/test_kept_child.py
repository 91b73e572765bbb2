"""A process that is kept between questions: real processes, and every way in which one can misbehave."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import alive
from tests.support.waiting import wait_until
from tidegate_agent.adapters.child_process import ChildError
from tidegate_agent.adapters.kept_child import Keeping, KeptChild, UsedChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG = Keeping(answers=1000, idle_s=60, life_s=60)

SERVING = """
import os, sys, time
from tidegate_agent.adapters import frames
read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
def serve(answer):
    count = 0
    while len(header := read(frames.HEADER_BYTES)) == frames.HEADER_BYTES:
        nonce, length = frames.read_header(header)
        count += 1
        write(answer(nonce, read(length), count))
        sys.stdout.flush()
pid = str(os.getpid()).encode()
"""

ECHO = SERVING + "serve(lambda nonce, body, count: frames.pack(nonce, pid + b' ' + body))"


@pytest.fixture
def keep() -> Iterator[Callable[..., KeptChild]]:
    made: list[KeptChild] = []

    def make(code: str, keeping: Keeping = LONG, *, timeout_s: float = 30.0, cap: int = 400_000) -> KeptChild:
        command = [sys.executable, "-I", "-c", code]
        child = KeptChild(command, environment={}, timeout_s=timeout_s, cap=cap, keeping=keeping)
        made.append(child)
        return child

    yield make
    for child in made:
        child.close()


def pid_of(child: KeptChild, question: bytes = b"who?") -> int:
    pid, _, echo = child.ask(question).body.partition(b" ")
    assert echo == question
    return int(pid)


def failures(child: KeptChild, good: int) -> list[type[Exception] | None]:
    """What comes of one question more than the child answers well."""
    found: list[type[Exception] | None] = []
    for _ in range(good + 1):
        try:
            child.ask(b"x")
            found.append(None)
        except ChildError as error:
            found.append(type(error))
    return found


def test_one_process_answers_several_questions(keep: Callable[..., KeptChild]) -> None:
    child = keep(ECHO)
    replies = [child.ask(b"%d" % number) for number in range(5)]
    assert [reply.first for reply in replies] == [True, False, False, False, False]
    pids = {reply.body.partition(b" ")[0] for reply in replies}
    assert len(pids) == 1
    assert [reply.body.partition(b" ")[2] for reply in replies] == [b"%d" % number for number in range(5)]


def test_a_long_question_and_a_long_answer_pass(keep: Callable[..., KeptChild]) -> None:
    pid_of(keep(ECHO), b"x" * 300_000)


def test_after_so_many_answers_it_is_another_process(keep: Callable[..., KeptChild]) -> None:
    child = keep(ECHO, Keeping(answers=3, idle_s=60, life_s=60))
    pids = [pid_of(child) for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
    assert not alive(pids[0])


@pytest.mark.parametrize("keeping", [Keeping(idle_s=0.2), Keeping(idle_s=60, life_s=0.2)])
def test_it_is_gone_after_a_while_and_its_watch_with_it(
    keep: Callable[..., KeptChild], keeping: Keeping
) -> None:
    child = keep(ECHO, keeping)
    before = threading.active_count()
    pid = pid_of(child)
    wait_until(lambda: not alive(pid), "the process is gone")
    wait_until(lambda: threading.active_count() <= before, "its watch is gone")
    assert pid_of(child) != pid


def test_it_is_gone_even_if_it_does_not_want_to(keep: Callable[..., KeptChild]) -> None:
    stubborn = SERVING.replace("pid =", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); pid =")
    code = (
        stubborn + "serve(lambda nonce, body, count: frames.pack(nonce, pid + b' ' + body)); time.sleep(600)"
    )
    pid = pid_of(keep(code, Keeping(idle_s=0.2)))
    wait_until(lambda: not alive(pid), "the process is gone")


def test_it_ends_with_the_one_who_keeps_it() -> None:
    parent = (
        "import os, sys\n"
        "from tidegate_agent.adapters.kept_child import Keeping, KeptChild\n"
        f"child = KeptChild([sys.executable, '-I', '-c', {ECHO!r}], environment={{}}, timeout_s=60, cap=1000,"
        " keeping=Keeping(idle_s=600, life_s=600))\n"
        "print(child.ask(b'who?').body.split()[0].decode(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    said = subprocess.run([sys.executable, "-c", parent], capture_output=True, check=False, timeout=60)
    pid = int(said.stdout)
    wait_until(lambda: not alive(pid), "the process is gone")


@pytest.mark.parametrize(
    "misdeed",
    [
        "frames.pack(b'x' * 16, b'')",
        "b''.join([frames.pack(nonce, b'a'), b'more'])",
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        "frames.pack(nonce, b'x' * 400_001)",
        "nonce[:7] + os._exit(1)",
    ],
    ids=["another nonce", "more than one answer", "end", "signal", "oversized", "half"],
)
def test_what_breaks_the_rules_is_ended_and_the_next_question_has_a_fresh_one(
    keep: Callable[..., KeptChild], misdeed: str
) -> None:
    late = keep(SERVING + f"serve(lambda nonce, body, n: frames.pack(nonce, pid) if n < 3 else {misdeed})")
    found = failures(late, 2)
    if "more" in misdeed:
        # The surplus shows when the next question is about to be put.
        assert found == [None, None, None]
        found = [*found[:2], *failures(late, 0)]
    assert found == [None, None, UsedChildError]
    assert late.ask(b"x").first
    at_once = keep(SERVING + f"serve(lambda nonce, body, n: {misdeed})")
    if "more" not in misdeed:
        assert failures(at_once, 0) == [ChildError]


def test_what_hangs_costs_its_own_question_only(keep: Callable[..., KeptChild]) -> None:
    code = SERVING + "serve(lambda nonce, body, n: frames.pack(nonce, pid) if n < 2 else time.sleep(600))"
    child = keep(code, timeout_s=2)
    child.ask(b"x")
    begun = time.monotonic()
    with pytest.raises(ChildError, match="longer than 2 s") as caught:
        child.ask(b"x")
    assert type(caught.value) is ChildError
    assert time.monotonic() - begun < 20
    assert child.ask(b"x").first


def test_what_does_not_read_blocks_nobody(keep: Callable[..., KeptChild]) -> None:
    with pytest.raises(ChildError, match="longer than"):
        keep("import time; time.sleep(600)", timeout_s=1).ask(b"x" * 1_000_000)


def test_a_command_that_is_not_there() -> None:
    child = KeptChild(["/nonexistent/program"], environment={}, timeout_s=1, cap=1, keeping=LONG)
    with pytest.raises(ChildError, match="could not be started: No such file"):
        child.ask(b"x")
