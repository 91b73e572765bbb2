"""The options of `tidegate watch`, as far as no broker is needed."""

from __future__ import annotations

from tidegate_fleet.progress import SILENT_AFTER
from tidegate_publisher.commands.watch import watch


def test_silence_is_the_same_time_as_everywhere() -> None:
    context = watch.make_context("watch", ["os/stable"])
    assert context.params["silent_after"] == SILENT_AFTER
