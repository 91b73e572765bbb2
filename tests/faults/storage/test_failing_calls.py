"""Every call by which the journal writes, failing once: an error with a code, nothing half there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults import extent
from tests.faults.storage.places import in_memory
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.real("strace")

EPISODES: Final = {"pwrite64": 420, "fdatasync": 80, "fsync": 60, "ftruncate": 3}
"""More than the journal makes of each call in its life."""

TRIED: Final = 14
"""Of each, in the sample."""


def tell(call: str, error: str, episodes: Sequence[int]) -> list[dict[str, object]]:
    when = EPISODES[call] + 400
    with in_memory() as folder:
        life = [sys.executable, "-m", "tests.faults.storage.failing_calls", call, str(when), str(folder)]
        strace = ["strace", "-f", "-q", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}"]
        done = subprocess.run(
            [*strace, "-e", f"inject={call}:error={error}:when={when}", *life, *map(str, episodes)],
            check=True,
            capture_output=True,
            text=True,
            timeout=1200,
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("call", EPISODES)
def test_one_call_that_fails_costs_one_attempt_and_nothing_else(call: str, error: str) -> None:
    told = tell(call, error, extent.sample(range(1, EPISODES[call] + 1), TRIED))
    assert [each for each in told if each["wrong"]] == []
    codes = [code for each in told for code in each["codes"]]  # type: ignore[attr-defined] # of JSON
    if call == "fsync":
        # By it the names of folders and the safeguard are made durable; that one fails no change.
        return
    assert codes, "nothing failed: the journal makes fewer of these calls"
    wanted = {Code.DISK_FULL} if (call, error) == ("pwrite64", "ENOSPC") else {Code.DISK_IO, Code.DISK_FULL}
    assert set(codes) <= wanted
