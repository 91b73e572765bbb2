"""The checked-in copies of all generated files are what the code says, and people can read them."""

from __future__ import annotations

import re

import pytest

from tests.generate import ROOT, generated
from tests.support.samples import EVENTS, STATES
from tests.support.statements import NOON
from tests.support.updates import EVERY_STATE
from tidegate_agent import drawing
from tidegate_agent.update.events import Event
from tidegate_schemas.codes import REGISTRY, Code

FILES = generated()


@pytest.mark.parametrize("name", sorted(FILES))
def test_checked_in_copy_is_current(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name], "run ./dev generate"


def test_the_drawing_is_made_of_every_state_and_every_event() -> None:
    assert {type(state) for state in STATES} == set(drawing.ORDER)
    assert {type(event) for event in EVENTS} == set(Event.__args__)


def test_the_drawing_has_one_arrow_for_a_pair_and_none_in_a_circle() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+) : \S", FILES["docs/state-machine.md"], re.MULTILINE)
    assert len(arrows) == len(set(arrows)) > 15
    assert all(before != after for before, after in arrows)
    named = {state.kind.replace("-", "_") for state in EVERY_STATE}
    assert {name for arrow in arrows for name in arrow} == named


def test_the_drawing_says_when_success_is_said() -> None:
    found = drawing.edges(STATES, EVENTS, NOON)
    assert "healthy" in found["proving", "settled"]
    assert "healthy" not in found["proving", "rolling-back"]
    # An image that was given up may still come up at a later reboot; nothing else skips the activation.
    assert found["staging", "proving"] == ["restarted on the target"]
    assert not any(after in {"waiting", "staging"} for before, after in found if before == "proving")


def test_every_code_is_on_the_page_of_codes() -> None:
    page = FILES["docs/codes.md"]
    for code in Code:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{code}` |"))
        assert row.count(" | ") == 2
        assert REGISTRY[code].cause[:30] in row
    assert page.count("\n## ") == len({code.partition(".")[0] for code in Code})
