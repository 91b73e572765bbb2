"""JSON for machines, Markdown for release notes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.reporting import BEFORE, KEY, NOW, STORY, MadeHistory, a_fleet, a_passage, a_record
from tidegate_fleet.report.disclosure import Disclosure
from tidegate_fleet.report.document import pieces
from tidegate_fleet.report.gathering import Terms, gather
from tidegate_fleet.report.markdown import code, summary
from tidegate_fleet.report.selection import Wanted, select
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from typing import Any

    from tidegate_fleet.history import Passage
    from tidegate_fleet.report.figures import Figures


def figures(*passages: Passage, terms: Terms | None = None) -> Figures:
    record = a_record(passages)
    history = MadeHistory({KEY: lambda: passages}, [record], {KEY: STORY})
    return gather(history, record, None, terms or Terms(NOW))


def document(*passages: Passage, disclosure: Disclosure | None = None) -> Any:
    how = disclosure or Disclosure()
    made = figures(*passages, terms=Terms(NOW, disclosure=how))
    text = "".join(pieces(made, passages, how))
    assert text.isascii()
    assert text.count("\n") == 1
    return json.loads(text)


def test_the_document_has_the_figures_and_every_host() -> None:
    told = document(
        a_passage("a", end=30, durations={"staging": 4.0}, waited_for={"window": 2.0}, verified=5),
        a_passage("b", Step.FAILED, 20, code=Code.DISK_FULL, reason="\x1b[1mfull"),
    )
    assert told["release"]["succeeded"] == 1
    assert told["release"]["key"] == {"product": "os", "channel": "stable", "digest": KEY.digest}
    assert told["successes"]["points"] == [[30.0, 1]]
    assert told["failed"][0]["code"] == "disk.full"
    assert told["made"] == "2026-03-03T00:00:00Z"
    assert told["phases"] == {"succeeded": 1, "failed": 1}
    assert [host["host"] for host in told["hosts"]] == ["a", "b"]
    assert told["hosts"][0]["durations"] == {"staging": 4.0}
    assert told["hosts"][0]["waitedFor"] == {"window": 2.0}
    assert told["hosts"][1]["reason"] == "\N{REPLACEMENT CHARACTER}[1mfull"
    assert told["hosts"][1]["ended"] == "2026-03-02T12:00:20Z"


def test_a_document_without_hosts_is_one_too() -> None:
    assert document()["hosts"] == []


def test_durations_that_no_json_knows_are_left_out() -> None:
    told = document(
        a_passage("a", durations={"staging": float("nan"), "proving": float("inf"), "total": 3.0})
    )
    assert told["hosts"][0]["durations"] == {"total": 3.0}


def test_names_are_made_up_alike_in_figures_and_hosts() -> None:
    passage = a_passage(
        "till-7", Step.FAILED, 20, code=Code.DISK_FULL, reason="on till-7", durations={"till-7": 1.0}
    )
    told = document(passage, disclosure=Disclosure(b"key"))
    assert "till-7" not in json.dumps(told)
    assert told["hosts"][0]["host"] == told["failed"][0]["shown"][0]["host"]


def test_the_summary_tells_the_release_in_tables() -> None:
    history = a_fleet(500, failing=0.1)
    told = summary(gather(history, *select(history, ("os", "stable"), Wanted()), Terms(NOW)))
    lines = told.splitlines()
    assert lines[0] == "## `os/stable 2.0`: spreading"
    assert told.replace("\n", "").isprintable()
    assert "| Wave | Opened after | Hosts | Succeeded | Failed | Median | 90 % |" in lines
    assert any(line.startswith("| `canary` | 0") for line in lines)
    assert any(line.startswith("| `health.failed` |") for line in lines)
    assert any(line.startswith("| Beside the release before | `2.0` | `1.9` |") for line in lines)


def test_words_from_outside_stay_in_their_code_span() -> None:
    assert code("`rm` | @all <b> [x](http://y)\n#1") == "`'rm' ¦ @all <b> [x](http://y) #1`"
    assert code("") == ""
    failed = a_passage("a", Step.FAILED, code=Code.DISK_FULL, reason="`|@everyone\n| x |")
    line = next(each for each in summary(figures(failed)).splitlines() if "disk.full" in each)
    assert line.count("|") == 5
    assert line.endswith("`'¦@everyone ¦ x ¦` |")


def test_the_release_before_is_found_by_the_history() -> None:
    history = MadeHistory(
        {KEY: tuple, BEFORE: lambda: (a_passage("a"),)}, [a_record(), a_record(key=BEFORE, version="1.9")]
    )
    record, before = select(history, ("os", "stable"), Wanted(version="2.0"))
    assert (record.key, before and before.key) == (KEY, BEFORE)
