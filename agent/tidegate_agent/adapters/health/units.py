"""Health checks of systemd's units: that some are active, that none has failed."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.health.answer import Answer, failed, span
from tidegate_agent.process import OUTPUT_BYTES, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SYSTEMCTL: Final = ("systemctl", "--no-pager")
BOOT_COMPLETE: Final = "boot-complete.target"

_UP: Final = frozenset({"active", "reloading", "refreshing"})
"""ActiveState of a unit that does its work: org.freedesktop.systemd1(5)."""

_PROPERTIES: Final = "--property=LoadState,ActiveState,SubState,Result,Job"
_PAUSE_S: Final = 0.5
_LIST_BYTES: Final = 1024 * 1024


def ask_units(units: Sequence[str], timeout_s: float, systemctl: Sequence[str] = SYSTEMCTL) -> Answer:
    """Whether all these units are active. Those that systemd still means to start are waited for."""
    until = time.monotonic() + timeout_s
    while True:
        answer, coming = _look(units, until - time.monotonic(), systemctl)
        if not coming or until - time.monotonic() <= _PAUSE_S:
            return answer
        time.sleep(_PAUSE_S)


def _look(units: Sequence[str], timeout_s: float, systemctl: Sequence[str]) -> tuple[Answer, bool]:
    """What is down, and whether a job is under way for any of it: then it may yet come."""
    answer = _ask(systemctl, ("show", _PROPERTIES, "--", *units), timeout_s)
    if not answer.passed:
        return answer, False
    # One block for each unit, in the order of the question; an alias answers under its own name.
    blocks = [_block(block) for block in answer.output.split("\n\n")]
    if len(blocks) != len(units) or not all("ActiveState" in block for block in blocks):
        return failed("systemctl answered something else than was asked", answer.output), False
    down = {unit: block for unit, block in zip(units, blocks, strict=True) if block["ActiveState"] not in _UP}
    verdict = _verdict(
        [_sentence(unit, block) for unit, block in down.items()], f"{', '.join(units)}: active"
    )
    return verdict, any(block.get("Job", "") not in {"", "0"} for block in down.values())


def ask_failed_units(ignore: Iterable[str], timeout_s: float, systemctl: Sequence[str] = SYSTEMCTL) -> Answer:
    """Whether no unit has failed, apart from those that may."""
    listing = ("list-units", "--state=failed", "--plain", "--no-legend", "--full", "--all")
    answer = _ask(systemctl, listing, timeout_s)
    if not answer.passed:
        return answer
    names = [line.split()[0] for line in answer.output.splitlines() if line.strip()]
    patterns = tuple(ignore)
    bad = [name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)]
    return _verdict(bad, "no unit has failed", "failed: ")


def _ask(systemctl: Sequence[str], arguments: Sequence[str], timeout_s: float) -> Answer:
    """What systemctl prints; a failure where it does not answer."""
    try:
        finished = run((*systemctl, *arguments), timeout_s, output_bytes=_LIST_BYTES)
    except OSError as error:
        return failed(f"{systemctl[0]} cannot be run: {error.strerror}")
    if finished.status is None:
        return failed(f"systemctl did not answer within {span(timeout_s)}")
    if finished.status != 0:
        return failed("systemctl does not answer", finished.output or f"exit status {finished.status}")
    return Answer(passed=True, output=finished.output)


def _block(text: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in text.splitlines())


def _sentence(unit: str, block: dict[str, str]) -> str:
    if block.get("LoadState") == "not-found":
        return f"{unit} is not there"
    result = block.get("Result", "success")
    why = "" if result in {"", "success"} else f", {result}"
    return f"{unit} is {block['ActiveState']} ({block.get('SubState', '')}{why})"


def _verdict(bad: Sequence[str], good: str, head: str = "") -> Answer:
    text = head + ", ".join(bad) if bad else good
    return Answer(passed=not bad, output=text[:OUTPUT_BYTES])
