"""The table in its three forms."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from tests.bench import report
from tests.bench.figure import Figure

FACTS = {"memory": "8.0 GiB"}
MEASURED = Figure("start-up", "ms", (410.0, 395.5, 1020.0), "<= 500")
MISSING = Figure("staging", "s", missing="umoci is missing")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0, "0"),
        (0.00002, "2e-05"),
        (0.0361, "0.036"),
        (1.0, "1.00"),
        (45.67, "45.7"),
        (459.4, "459"),
        (12345.6, "12346"),
        (-3.14159, "-3.14"),
    ],
)
def test_numbers_show_three_digits(value: float | None, expected: str) -> None:
    assert report.number(value) == expected


def test_a_row_has_all_columns() -> None:
    assert report.row(MEASURED) == ("start-up", "ms", "3", "396", "410", "-", "1020", "<= 500")
    assert len(report.row(MISSING)) == len(report.COLUMNS)


def test_a_row_says_what_is_missing() -> None:
    assert report.row(MISSING)[:4] == ("staging", "s", "0", "not measured: umoci is missing")


def test_markdown_is_one_table_below_the_facts() -> None:
    lines = report.markdown(FACTS, {"a": [MEASURED], "b": [MISSING]}).splitlines()
    assert lines[0].rstrip() == "memory: 8.0 GiB"
    assert lines[2] == "| figure | unit | runs | min | median | p99 | max | target |"
    assert lines[3] == "| :-- | :-- | --: | --: | --: | --: | --: | :-- |"
    assert lines[4] == "| start-up | ms | 3 | 396 | 410 | - | 1020 | <= 500 |"
    assert lines[5] == "| staging | s | 0 | not measured: umoci is missing |  |  |  |  |"


def test_json_keeps_the_parts_apart() -> None:
    told = json.loads(report.to_json(FACTS, {"a": [MEASURED], "b": [MISSING]}))
    assert told["machine"] == FACTS
    assert told["figures"]["a"][0]["values"] == [410.0, 395.5, 1020.0]
    assert told["figures"]["b"][0]["not_measured"] == "umoci is missing"


def test_the_terminal_shows_every_cell() -> None:
    shown = io.StringIO()
    Console(file=shown, width=120).print(report.table("daemon", [MEASURED, MISSING]))
    assert all(cell in shown.getvalue() for figure in (MEASURED, MISSING) for cell in report.row(figure))
