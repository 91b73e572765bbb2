"""What programs cost: counted by a small process in between, so that the bench's own memory is not."""

from __future__ import annotations

import sys

import pytest

from tests.bench import cost
from tests.bench.cost import Cost

SPEND = "import time\nblock = bytearray({mib} << 20)\nwhile time.process_time() < {cpu_s}: pass"


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_time_and_memory_are_the_programs_own() -> None:
    held = bytearray(200 << 20)
    small = cost.run(python(SPEND.format(mib=0, cpu_s=0.2)))
    large = cost.run(python(SPEND.format(mib=60, cpu_s=0)))
    assert len(held) == 200 << 20
    assert small.cpu_s >= 0.2
    assert small.wall_s >= 0.2
    assert small.peak_mib < 60
    assert 60 < large.peak_mib < 120


def test_a_failure_is_told_in_the_programs_words() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 3: .*no room"):
        cost.run(python("import sys; sys.stderr.write('no room'); sys.exit(3)"))


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(RuntimeError, match="No such file"):
        cost.run(["/nowhere/program"])


def test_two_programs_in_a_row_need_the_memory_of_the_larger() -> None:
    assert Cost(1.0, 2.0, 30.0).then(Cost(0.5, 0.25, 20.0)) == Cost(1.5, 2.25, 30.0)


def test_the_larger_sum_counts_where_one_was_asked_for() -> None:
    assert Cost(1.0, 2.0, 30.0, 50.0).then(Cost(0.5, 0.25, 20.0, 60.0)).together_mib == 60.0
    assert Cost(1.0, 2.0, 30.0, 50.0).then(Cost(0.5, 0.25, 20.0)).together_mib == 50.0


def test_memory_of_all_processes_is_looked_at_when_asked_for() -> None:
    child = SPEND.format(mib=40, cpu_s=0.5)
    parent = (
        "import subprocess, sys\nblock = bytearray(40 << 20)\nsubprocess.run([sys.executable, '-c', {!r}])"
    )
    seen = cost.run(python(parent.format(child)), together=True)
    assert seen.peak_mib < 75
    assert seen.together_mib is not None
    assert 80 < seen.together_mib < 150
    assert cost.run(python("pass")).together_mib is None


def test_a_program_gets_the_environment_that_it_is_given() -> None:
    code = "import os, sys; sys.exit(os.environ.get('ONE') != '1' or 'PATH' in os.environ)"
    cost.run(python(code), environment={"ONE": "1"})
