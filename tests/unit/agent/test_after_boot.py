"""The decision table 'after the boot': every row, and that there is no other case."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from tests.support.updates import BOOT, LATER_BOOT, NEW, NEWER, OLD, an_update
from tidegate_agent.machine.after_boot import AfterBoot, after_boot
from tidegate_agent.model import Failure, ImageStatus
from tidegate_agent.update.events import Restarted
from tidegate_schemas.codes import Code

GUARD: Final = Failure(Code.BOOT_DEADLINE, "no word from the agent for 15 minutes")

ROWS: Final[tuple[tuple[str, str | None, ImageStatus, Failure | None, AfterBoot], ...]] = (
    # what happened, what lay beside before, what is found now, the guard's word, the verdict
    ("it runs", None, ImageStatus(NEW, None, OLD), None, AfterBoot.CAME_UP),
    ("it runs by a soft reboot", None, ImageStatus(NEW, None, OLD), None, AfterBoot.CAME_UP),
    ("it runs, and the guard is leaving it", None, ImageStatus(NEW, None, OLD), GUARD, AfterBoot.FELL_BACK),
    ("the guard went back", None, ImageStatus(OLD, None, NEW), GUARD, AfterBoot.FELL_BACK),
    ("the guard went back and dropped it", None, ImageStatus(OLD, None, None), GUARD, AfterBoot.FELL_BACK),
    ("only the agent was restarted", None, ImageStatus(OLD, NEW, None), None, AfterBoot.STILL_TO_COME),
    ("staged beside itself", NEW, ImageStatus(OLD, NEW, NEW), None, AfterBoot.STILL_TO_COME),
    ("the loader fell back", None, ImageStatus(OLD, None, NEW, True), None, AfterBoot.FELL_BACK),  # noqa: FBT003 - a table
    ("the loader fell back, unqueued", None, ImageStatus(OLD, None, NEW), None, AfterBoot.FELL_BACK),
    ("the same to an older release", NEW, ImageStatus(OLD, None, NEW, True), None, AfterBoot.FELL_BACK),  # noqa: FBT003
    ("power went, to an older release", NEW, ImageStatus(OLD, None, NEW), None, AfterBoot.LOST),
    ("power went while staged", None, ImageStatus(OLD, None, None), None, AfterBoot.LOST),
    ("power went, another beside", NEWER, ImageStatus(OLD, None, NEWER), None, AfterBoot.LOST),
    ("something else was staged by hand", None, ImageStatus(OLD, NEWER, None), None, AfterBoot.LOST),
    ("somebody installed another", None, ImageStatus(NEWER, None, OLD), None, AfterBoot.ELSEWHERE),
    ("what runs is unknown", None, ImageStatus(None, None, None), None, AfterBoot.ELSEWHERE),
)


@pytest.mark.parametrize(
    ("beside", "image", "guard", "verdict"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
@pytest.mark.parametrize("boot", [BOOT, LATER_BOOT])
def test_each_row(
    beside: str | None, image: ImageStatus, guard: Failure | None, verdict: AfterBoot, boot: str
) -> None:
    update = replace(an_update(), beside=beside)
    assert after_boot(update, Restarted(image, boot, guard)) is verdict


SLOTS: Final = (None, OLD, NEW, NEWER)


def test_the_target_is_proven_wherever_it_runs_and_nowhere_else() -> None:
    """Over all combinations of slots: what runs is proven if and only if it is the target."""
    for before, current, staged, previous, queued, guard in product(
        SLOTS, SLOTS, SLOTS, SLOTS, (False, True), (None, GUARD)
    ):
        update = replace(an_update(), beside=before)
        image = ImageStatus(current, staged, previous, queued)
        verdict = after_boot(update, Restarted(image, LATER_BOOT, guard))
        assert (verdict is AfterBoot.CAME_UP) == (current == NEW and guard is None)
        if verdict is AfterBoot.FELL_BACK:
            assert guard is not None or previous == NEW
        if verdict is AfterBoot.ELSEWHERE:
            assert current != OLD
