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
GRID = [
    Figure("a", "s", (4.0, 1.0, 2.0), line="ostree", column="wall, s"),
    Figure("b", "MiB", (64.0,), line="ostree", column="peak, MiB"),
    Figure("c", "MiB", (75.0,), line="podman", column="peak, MiB"),
    Figure("d", "", missing="not to be had", line="bootc"),
]


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
    for table in report.tables("daemon", [MEASURED, MISSING, *GRID]):
        Console(file=shown, width=120).print(table)
    cells = [cell for figure in (MEASURED, MISSING) for cell in report.row(figure)]
    cells += [cell for line in report.grid(GRID)[1] for cell in line]
    assert all(cell in shown.getvalue() for cell in cells)


def test_a_part_without_a_grid_has_one_table() -> None:
    assert [table.title for table in report.tables("daemon", [MEASURED])] == ["daemon"]
    assert [table.row_count for table in report.tables("engines", GRID)] == [3]


def test_a_cell_is_a_median_and_its_range() -> None:
    assert report.cell(GRID[0]) == "2.00 (1.00 to 4.00)"
    assert report.cell(GRID[1]) == "64.0"
    assert report.cell(None) == "-"


def test_a_grid_keeps_the_order_and_says_what_is_missing() -> None:
    head, lines = report.grid(GRID)
    assert head == ["", "wall, s", "peak, MiB"]
    assert lines == [
        ["ostree", "2.00 (1.00 to 4.00)", "64.0"],
        ["podman", "-", "75.0"],
        ["bootc", "not measured: not to be had", ""],
    ]


def test_markdown_has_the_grid_below_the_table() -> None:
    lines = report.markdown(FACTS, {"a": [MEASURED], "b": GRID}).splitlines()
    assert lines[4] == "| start-up | ms | 3 | 396 | 410 | - | 1020 | <= 500 |"
    assert lines[5:9] == [
        "",
        "|  | wall, s | peak, MiB |",
        "| :-- | --: | --: |",
        "| ostree | 2.00 (1.00 to 4.00) | 64.0 |",
    ]


def test_markdown_of_a_grid_alone_has_no_empty_table() -> None:
    lines = report.markdown(FACTS, {"b": GRID}).splitlines()
    assert lines[1:3] == ["", "|  | wall, s | peak, MiB |"]
