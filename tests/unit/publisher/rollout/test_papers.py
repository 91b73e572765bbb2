from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from tests.fakes.rollout import TOPICS, SimHost
from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tests.support.statements import NOON, a_statement
from tidegate_fleet.hosts import Fleet
from tidegate_fleet.progress import Progress
from tidegate_fleet.words import read_host_message
from tidegate_publisher.cli import cli
from tidegate_publisher.output import Output
from tidegate_publisher.rollout.papers import junit, markdown
from tidegate_publisher.rollout.preview import preview
from tidegate_publisher.rollout.story import Story
from tidegate_publisher.rollout.tally import Tally
from tidegate_publisher.rollout.telling import Telling
from tidegate_schemas.gates import OnFailure, OnTimeout
from tidegate_schemas.rollout import Rollout
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Sequence


def a_document(way: str = "ill") -> dict[str, object]:
    """The last document of a run whose canary fails."""
    stage = Stage(a_gated_release(gate={"failures": {"count": 1}}), a_fleet(5))
    stage.hosts[0].way = way
    plan = stage.plan()
    end = stage.run(plan)
    assert end is not None
    story = Story(plan)
    for decision, view in zip(stage.teller.decisions, stage.teller.views, strict=True):
        story.take(decision, view)
    return story.document(end)


def test_the_last_document_says_how_it_ended_and_why() -> None:
    document = a_document()
    assert (document["outcome"], document["exitCode"], document["code"]) == ("failed", 1, "rollout.failed")
    waves = document["waves"]
    assert isinstance(waves, list)
    assert [(wave["name"], wave["outcome"], wave["failed"]) for wave in waves] == [
        ("canary", "failed", 1),
        ("everybody", "closed", 0),
    ]
    assert document["failures"] == {"health.failed": {"hosts": 1, "reason": "the till does not open"}}


def test_junit_has_a_case_for_each_wave() -> None:
    suite = ET.fromstring(junit(a_document()))  # noqa: S314 -- we wrote it
    assert suite.get("name") == "rollout os/stable 1.2"
    assert {case.get("name"): [one.tag for one in case] for case in suite} == {
        "canary": ["failure", "system-out"],
        "everybody": ["skipped", "system-out"],
    }
    well = ET.fromstring(junit(a_document("well")))  # noqa: S314 -- the same
    assert [len(case.findall("failure")) for case in well] == [0, 0]


def test_a_row_of_the_summary_adds_up() -> None:
    stage = Stage(a_gated_release(gate={"timeout": timedelta(minutes=20)}), a_fleet(12, canaries=9))
    for host, way in zip(stage.hosts, ("ill", "gone", "silent"), strict=False):
        host.way = way
    stage.park.ignores = {"edge-3", "edge-4"}
    stage.hosts[5].online = False
    plan = stage.plan()
    telling = Telling(plan, Output(quiet=True))
    stage.teller = telling  # type: ignore[assignment]
    end = stage.run(plan)
    assert end is not None
    document = telling.story.document(end)
    lines = markdown(document).splitlines()
    head, row = (
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in lines
        if line.startswith(("| wave", "| `canary`"))
    )
    counts = dict(zip(head, row, strict=True))
    parts = ("succeeded", "failed", "activating", "waiting", "skipped", "offline")
    assert (counts["outcome"], counts["known"], counts["waiting"], counts["offline"]) == (
        "late",
        "9",
        "2",
        "1",
    )
    assert sum(int(counts[part]) for part in parts) == 9
    assert "timed-out, the release is held" in lines[0]
    suite = ET.fromstring(junit(document))  # noqa: S314 -- we wrote it
    assert (suite.get("failures"), "waiting 2" in ET.tostring(suite, encoding="unicode")) == ("1", True)


@pytest.mark.parametrize("evil", ["x\x00\x1b[31m\ud800", "<b>&\"'", "a | b\n\n# c `d` [e](http://f)"])
def test_what_hosts_say_becomes_no_markup(evil: str) -> None:
    document = a_document()
    document["failures"] = {"health.failed": {"hosts": 1, "reason": evil}}
    ET.fromstring(junit(document))  # noqa: S314 -- it has to be well-formed
    (row,) = [line for line in markdown(document).splitlines() if "health.failed" in line]
    assert row.count("|") == 4
    assert row.count("`") == 4


def test_a_run_tells_what_is_new_and_not_each_number(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(a_gated_release(), a_fleet(40, canaries=20))
    for number, host in enumerate(stage.hosts):
        host.takes_s = 60 + number
    plan = stage.plan()
    stage.run(plan)
    telling = Telling(plan, Output(as_json=True))
    for decision, view in zip(stage.teller.decisions, stage.teller.views, strict=True):
        telling.decided(decision, view)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(stage.teller.decisions) > 60
    assert len(lines) < 30
    assert lines.pop(0)["reason"] == "this is the run run-1; --run-id run-1 goes on with it"
    assert [line["decision"] for line in lines if line["decision"] != "wait"] == ["soak", "open", "soak"]
    assert (lines[0]["waves"][0]["name"], lines[0]["waves"][0]["known"]) == ("canary", 20)


def a_tally(hosts: list[SimHost], waves: Sequence[dict[str, Any]], **gate: object) -> tuple[Stage, Tally]:
    stage = Stage(a_gated_release(waves, gate=gate), hosts)
    fleet, plan = Fleet(), stage.plan()
    for message in stage.park.retained():
        word = read_host_message(message, TOPICS)
        assert isinstance(word, HostStatus)
        fleet.take(word, NOON)
    rollout = plan.target("a-seed")
    progress = Progress(fleet, a_statement(rollout=rollout))
    return stage, Tally(fleet, progress, plan, Rollout(seed="a-seed", waves=rollout.waves), NOON)


def test_a_plan_tells_waves_groups_and_doubts() -> None:
    waves: Sequence[dict[str, Any]] = (
        {"name": "none", "labels": {"ring": "moon"}},
        {"name": "half", "fraction": 0.5, "gate": {"minimum_hosts": 50}},
        {"name": "again", "fraction": 0.3},
    )
    stage, tally = a_tally(a_fleet(40), waves, budget=({"by": "site", "at_most": "20%"},))
    seen = preview(stage.plan(), tally, NOON)
    sizes = [figures.known for _, figures, _ in seen.waves]
    assert sizes[0] == sizes[2] == 0
    assert sizes[1] + len(seen.outside) == 40
    ((budget, groups),) = seen.budgets
    assert (budget.by, budget.at_most) == ("site", "20%")
    assert groups == tuple((f"s{number}", 10, 2) for number in range(4))
    text = "\n".join(seen.warnings)
    for told in (
        "wave again adds nobody: wave half has taken in all of it",
        "wave none takes in no known host; its gate is never met",
        f"wave half has {sizes[1]} known hosts, and needs 50",
        f"{len(seen.outside)} hosts are in no wave",
    ):
        assert told in text
    assert seen.document(hosts=True)["waves"][1]["hosts"] == list(seen.waves[1][2])


def test_a_plan_warns_of_thresholds_that_come_too_late_or_never() -> None:
    waves: Sequence[dict[str, Any]] = ({"name": "few", "labels": {"ring": "canary"}},)
    stage, tally = a_tally(
        a_fleet(3), waves, failures={"count": 1}, silence={"count": 1, "after": timedelta(minutes=1)}
    )
    text = "\n".join(preview(stage.plan(), tally, NOON).warnings)
    assert "wave few has 1 known hosts, and dropouts count from 10 on" in text
    assert "wave few soaks for 1m, and dropouts count after 30m" in text
    assert "failures count" not in text
    assert "silence count" not in text


def test_a_plan_reads_back_what_passes_a_wave_and_what_stops_the_release() -> None:
    waves: Sequence[dict[str, Any]] = (
        {
            "name": "canary",
            "labels": {"ring": "canary"},
            "gate": {"failures": {"count": 1}, "approval": True},
        },
        {"name": "rest"},
    )
    stage, tally = a_tally(
        a_fleet(40, canaries=4),
        waves,
        success=0.9,
        minimum_hosts=3,
        dropouts={"share": 1.0},
        on_failure=OnFailure.REVOKE,
        on_timeout=OnTimeout.STOP,
        widen_every=timedelta(minutes=5),
        budget=({"by": "site", "at_most": "20%"},),
    )
    seen = preview(stage.plan(), tally, NOON.replace(microsecond=5))
    rows = seen.rows(NOON, hosts=False)
    assert rows[0] == (
        "canary",
        """100 %, ring=canary: 4 known hosts, 0 of them offline
opens when a person has approved it
opens step by step, every 5m at most
  all hosts by site: at most 20% at a time
passes with 90 % succeeded, at least 3 (offline hosts do not count), then soaks 1m
is revoked when too many
  failed: 1 or more
  fell silent for 30m: more than 5 %, once 10 began
  dropped out for 30m: any number is taken
after 6h without passing, the run ends, and what is open stays open""",
    )
    assert "failed: more than 5 %, once 10 ended" in rows[1][1]
    assert [row for row in rows if row[0] == "budget"] == [
        (
            "budget",
            "all hosts by site: at most 20% at a time\n"
            + "\n".join(f"  s{number}: 10 hosts, 2 at a time" for number in range(4)),
        )
    ]
    assert "." not in rows[-1][1]
    document = seen.document(hosts=False)
    assert document["waves"][0]["gate"] == {
        "success": 0.9,
        "minimumHosts": 3,
        "ignoreOffline": True,
        "failures": {"share": 1.0, "minimum": 10, "count": 1},
        "silence": {"share": 0.05, "minimum": 10, "count": None, "afterSeconds": 1800.0},
        "dropouts": {"share": 1.0, "minimum": 10, "count": None, "afterSeconds": 1800.0},
        "soakSeconds": 60.0,
        "timeoutSeconds": 21600.0,
        "onFailure": "revoke",
        "onTimeout": "stop",
        "approval": True,
        "budget": [{"by": "site", "labels": {}, "atMost": "20%"}],
        "widenEverySeconds": 300.0,
    }
    assert document["budgets"][0]["groups"][3] == {"group": "s3", "hosts": 10, "atATime": 2}


@pytest.mark.parametrize(
    ("size", "gate", "told"),
    [
        (7, {}, "7 of its 7 hosts have to succeed, so one failure is one too many, and stops nothing"),
        (7, {"failures": {"count": 1}}, None),
        (20, {}, None),
        (40, {"success": 0.9, "failures": {"count": 8}}, "36 of its 40 hosts have to succeed, so 5 failures"),
        (40, {"success": 0.9, "failures": {"count": 5}}, None),
    ],
)
def test_a_plan_warns_of_failures_that_neither_let_pass_nor_stop(
    size: int, gate: dict[str, Any], told: str | None
) -> None:
    stage, tally = a_tally(a_fleet(size), ({"name": "all"},), **gate)
    found = [words for words in preview(stage.plan(), tally, NOON).warnings if "have to succeed" in words]
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def test_a_plan_has_no_options_that_change_nothing() -> None:
    shown = CliRunner().invoke(cli, ["rollout", "plan", "--help"]).stdout
    for option in ("--notes", "--urgency", "--deadline", "--state", "--sequence", "--expires-in", "--hosts "):
        assert option not in shown
    assert "--list-hosts" in shown


def test_the_command_says_how_it_ends_and_what_it_refuses() -> None:
    shown = CliRunner().invoke(cli, ["rollout", "run", "--help"]).stdout
    for code in range(6):
        assert f"\n    {code}  " in shown
    assert "Refuses" in shown
