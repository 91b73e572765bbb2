"""The model in words: the first page, lists, a host's page, and lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fleets import at, said
from tests.support.watched import (
    CANARY,
    CHANNEL,
    EARLY,
    EVERYBODY,
    a_fleet,
    announced,
    hosts_in,
    passage,
    stored,
    take,
)
from tidegate_fleet.announced import Announced
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch import overview
from tidegate_fleet.watch.documents import picture_document
from tidegate_fleet.watch.ending import Ending
from tidegate_fleet.watch.host_list import HostRows, list_head
from tidegate_fleet.watch.host_page import host_page
from tidegate_fleet.watch.inbox import ConnectionSeen
from tidegate_fleet.watch.lines import Teller
from tidegate_fleet.watch.model import Watched
from tidegate_fleet.watch.roster import Filter, listed, waves_of
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState, Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.watch.rows import Row

AT_80 = """\
os/stable  1.0  sha256:aaaaaaaaaaaa  #1  ACTIVE  expires in 13d23h
signed by release (a key pair), verified
12 hosts known, 12 online
WAVES                                  hosts succeeded failed activating silent
  canary     open            [████x▓]      5         3      1          1      1
  early      opens in 59m    [▒▒····]      3         0      0          0      0
  everybody  closed          [······]      4         0      0          0      0
PHASES  12 hosts, 25.0 % succeeded
  █ succeeded         3   25.0 %  ████████
  x failed            1    8.3 %  xx
  - skipped           0      0 %
  ▓ activating        1    8.3 %  ▓▓
  ▒ staging           1    8.3 %  ▒▒
  ░ waiting           0      0 %
  · pending           6   50.0 %  ················
SPEED   not known yet
FAILURES
  x health.failed                   1 host  newest 12:00:10Z
    health check `web` failed
    do: The host went back and quarantined the digest. The check's output is
    in `details`; release a fixed image.
SILENT
  ? 1 host began to activate and came no further
    edge-21                 activating for 50s, last heard 50s ago
NEWEST EVENTS
12:00:55Z edge-11          staging 40 %
12:00:10Z edge-21          activating
12:00:10Z edge-14          rolled-back [health.failed] health check `web` failed
12:00:09Z edge-12          succeeded"""


def words(rows: Sequence[Row]) -> str:
    return "\n".join(row.text.rstrip() for row in rows)


def page(watched: Watched, width: int, seconds: float = 60) -> str:
    picture = watched.picture(at(seconds))
    rows = [
        *overview.header(picture, width),
        *overview.body(picture, width - 1),
        *overview.events(picture, 5),
    ]
    return words(rows)


def test_the_first_page_in_eighty_columns() -> None:
    assert page(a_fleet(), 80) == AT_80


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_rows_of_waves_fit(width: int) -> None:
    rows = overview.body(a_fleet().picture(at(60)), width)
    waves = [row.text for row in rows if row.key.startswith("wave ")]
    assert len(waves) == 3
    assert all(len(wave) <= max(width, 79) for wave in waves)


def test_there_is_more_to_see_where_there_is_room() -> None:
    wide = page(a_fleet(), 200)
    for word in ("staging", "waiting", "pending", "first 10 %", "all hosts"):
        assert word in wide.split("PHASES")[0]


def test_who_leads_and_what_expired_is_told() -> None:
    runner = Runner(id="7\x1b", process="1", wave="early", until=at(100), began_at=at(0))
    watched = take(Watched(CHANNEL), [announced(runner=runner)], at(0))
    assert "\nthe run 7\ufffd leads it, at wave early\n" in page(watched, 80)
    later = words(overview.header(watched.picture(datetime(2026, 4, 1, tzinfo=UTC)), 80))
    assert "EXPIRED 15d12h ago" in later
    assert "\nthe run 7\ufffd came to wave early; no run leads it now\n" in later
    ended = announced(2, runner=runner.model_copy(update={"until": None, "ended": "done"}))
    assert "\nthe run 7\ufffd has ended: done up to wave early\n" in page(take(watched, [ended], at(1)), 80)
    whole = announced(
        3, runner=runner.model_copy(update={"wave": "everybody", "until": None, "ended": "done"})
    )
    assert "\nthe run 7\ufffd has ended: done\n" in page(take(watched, [whole], at(1)), 80)


def test_nobody_leads_a_release_that_is_held() -> None:
    runner = Runner(id="ci-77", process="1", wave="early", until=at(100), began_at=at(0))
    watched = take(Watched(CHANNEL), [announced(runner=runner, state=RolloutState.HELD)], at(0))
    assert "ci-77" not in page(watched, 80)


def asking(sequence: int = 1, **said: Any) -> Announced:
    fields = {"id": "ci-77", "process": "1", "wave": "canary", "until": at(900), "began_at": at(0), **said}
    return announced(sequence, runner=Runner(**fields))


def test_what_a_person_is_asked_for_is_told_with_the_command() -> None:
    watched = take(Watched(CHANNEL), [asking(asks="everybody", asked_at=at(30))], at(60))
    picture = watched.picture(at(60))
    shown = " ".join(words(overview.header(picture, 80)).split())
    command = "tidegate rollout approve os/stable everybody --expect-sequence 1"
    assert f"waits for approval of wave everybody since 12:00:30Z: {command}" in shown
    assert picture_document(picture)["release"]["approval"] == {
        "wave": "everybody", "since": "2026-03-02T12:00:30Z", "command": command,
    }  # fmt: skip


def test_a_wave_that_a_budget_widens_has_all_its_hosts_and_says_how_far_it_is_open() -> None:
    runner = Runner(id="ci-77", process="1", wave="everybody", until=at(900), began_at=at(0), whole=1.0)
    waves = (CANARY, EVERYBODY.model_copy(update={"fraction": 0.39, "open": True}))
    hosts = [f"edge-{number}" for number in range(40)]
    watched = take(Watched(CHANNEL), [announced(waves=waves, runner=runner), *stored(*hosts)], at(0))
    canary, everybody = watched.picture(at(1)).waves
    assert canary.hosts + everybody.hosts == 40
    assert (everybody.open, everybody.how, everybody.share) == (True, "open for 39 %", "all hosts")
    assert "everybody  open for 39 %   [" in page(watched, 80)
    document = picture_document(watched.picture(at(1)))
    assert [document["waves"][1][key] for key in ("open", "fraction", "whole")] == [True, 0.39, 1.0]
    assert "whole" not in document["waves"][0]
    assert (document["release"]["led"], document["release"]["runner"]["whole"]) == (True, 1.0)


def test_a_statement_at_its_word_is_marked_in_words() -> None:
    seen = Announced(announced().statement, signers=("somebody",))
    shown = page(take(Watched(CHANNEL), [seen], at(0)), 120)
    assert "NOT VERIFIED: taken at its word" in shown
    assert "it claims to be signed by somebody" in shown


def test_before_anything_is_known_that_is_said() -> None:
    watched = Watched(CHANNEL)
    assert "os/stable  connecting…" in page(watched, 80)
    take(watched, [ConnectionSeen()], at(0))
    assert "nothing has come yet" in page(watched, 80)
    assert "! nothing is announced on os/stable" in page(watched, 80, 3)


def test_a_notice_is_wrapped_and_marked() -> None:
    fault = TidegateError(Code.BUS_UNREACHABLE, "the broker hung up " * 5)
    shown = page(take(a_fleet(), [ConnectionSeen(fault)], at(60)), 80).split("WAVES")[0]
    assert "\n! NO CONNECTION since 12:01:00Z" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (Filter(), 12),
        (Filter(wave="canary"), 5),
        (Filter(wave=NO_WAVE), 0),
        (Filter(phase=Phase.PENDING), 6),
        (Filter(wave="early", phase=Phase.PENDING), 2),
        (Filter(failed="health.failed"), 1),
        (Filter(failed="disk.full"), 0),
        (Filter(failed="health.failed", wave="early"), 0),
        (Filter(silent=True), 1),
        (Filter(silent=True, phase=Phase.PENDING), 0),
        (Filter(text="EDGE-1"), 6),
    ],
)
def test_hosts_are_found(wanted: Filter, number: int) -> None:
    names = listed(a_fleet(), wanted, at(60))
    assert len(names) == number
    assert names == sorted(names)


def test_filters_go_round() -> None:
    watched, wanted, seen = a_fleet(), Filter(), []
    for _ in range(5):
        wanted = wanted.next_wave(waves_of(watched))
        seen.append(wanted.wave)
    assert seen == ["canary", "early", "everybody", NO_WAVE, None]
    phases = [wanted := wanted.next_phase() for _ in range(len(Phase) + 1)]
    assert [one.phase for one in phases] == [*Phase, None]
    assert Filter(wave="canary", phase=Phase.FAILED).words == "failed, wave canary"


@pytest.mark.parametrize("width", [79, 160])
def test_a_list_of_hosts_has_columns_below_its_head(width: int) -> None:
    watched = a_fleet()
    failed = hosts_in(CANARY, 4)[3]
    rows = HostRows(watched, listed(watched, Filter(), at(60)), at(60), width)
    index = rows.find(failed)
    assert index is not None
    head, text = list_head(width).text, rows[index].text
    assert text[head.index("phase") :].startswith("x failed")
    assert text[head.index("wave") :].startswith("canary")
    assert text[head.index("presence") :].startswith("online")
    assert text[head.index("why") :].startswith("[health.failed] health check")
    assert rows.find("nobody") is None
    assert len(rows) == 12


def test_a_hosts_page_tells_all_that_is_known() -> None:
    watched = a_fleet()
    failed = hosts_in(CANARY, 4)[3]
    shown = words(host_page(watched, failed, at(60), 80))
    for told in (
        f"{failed}  online  heard 50s ago",
        "phase         failed",
        "wave          canary",
        "reason        health check `web` failed",
        "do            The host went back and quarantined the digest.",
        "os/stable by embedded",
        "runs          0.9 sha256:000000000000",
        "kernel        6.1",
        "12:00:10Z rolled-back #1 [health.failed]",
        "12:00:10Z accepted #1",
    ):
        assert told in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "nothing is known" in words(host_page(watched, "nobody", at(60), 80))


def test_hostile_words_stay_on_their_line() -> None:
    evil = "\x1b]0;owned\x07\u202e\n" + "\u0300" * 50 + "x" * 4000
    watched = take(a_fleet(), [said("edge-6", Step.FAILED, 60, code=Code.DISK_FULL, reason=evil)], at(60))
    shown = page(watched, 80) + words(host_page(watched, "edge-6", at(60), 80))
    assert all(line.isprintable() for line in shown.splitlines())
    assert "\u202e" not in shown


def told(teller: Teller, watched: Watched, seconds: float) -> list[str]:
    return [line.text for line in teller.look(watched.picture(at(seconds)))]


def test_lines_tell_what_is_new_and_nothing_twice() -> None:
    teller, watched = Teller(), Watched(CHANNEL)
    take(watched, [ConnectionSeen(), announced(), *stored(*hosts_in(CANARY, 2), *hosts_in(EARLY, 2))], at(0))
    head = "os/stable #1"
    assert told(teller, watched, 0) == [
        f"12:00:00Z {head}: 1.0 is active, sha256:aaaaaaaaaaaa, signed by release (a key pair), verified",
        f"12:00:00Z {head}: 0 of 4 hosts succeeded (0 %), 0 failed, 4 pending, still loading",
    ]
    take(watched, passage(hosts_in(CANARY, 1)[0]), at(1))
    assert told(teller, watched, 1) == []
    assert told(teller, watched, 5) == [
        f"12:00:05Z {head}: 1 of 4 hosts succeeded (25.0 %), 0 failed, 3 pending"
    ]
    assert told(teller, watched, 30) == []


def test_lines_tell_at_once_what_a_person_has_to_know() -> None:
    teller, watched = Teller(), a_fleet()
    told(teller, watched, 60)
    take(watched, [said("edge-6", Step.FAILED, 60, code=Code.DISK_FULL, reason="no room")], at(61))
    take(watched, [ConnectionSeen(TidegateError(Code.BUS_UNREACHABLE, "gone"))], at(61))
    lines = told(teller, watched, 61)
    assert lines[0].startswith("12:01:01Z os/stable #1: NO CONNECTION since 12:01:01Z")
    assert lines[1:] == ["12:01:01Z os/stable #1: first seen: disk.full, 1 host: no room"]
    assert told(teller, watched, 62) == []
    opened = told(teller, watched, 3600)
    assert "13:00:00Z os/stable #1: wave early is open" in opened


def test_a_later_statement_is_told_by_what_it_changes() -> None:
    teller, watched = Teller(), take(Watched(CHANNEL), [ConnectionSeen(), asking()], at(0))
    told(teller, watched, 3)

    def then(announcement: Announced) -> list[str]:
        take(watched, [announcement], at(3))
        return [line.partition(": ")[2] for line in told(teller, watched, 4)]

    assert then(asking(2)) == ["said again"]
    assert then(asking(3, wave="early")) == ["the run ci-77 leads it, at wave early"]
    (asks,) = then(asking(4, wave="early", asks="everybody", asked_at=at(3)))
    assert asks.startswith("waits for approval of wave everybody since 12:00:03Z: tidegate rollout approve")
    assert then(announced(5, state=RolloutState.HELD)) == ["it is held"]
    opened = (CANARY, EARLY, EVERYBODY.model_copy(update={"open": True}))
    assert then(announced(6, waves=opened)) == ["it is active", "wave everybody is open"]
    (other,) = then(announced(7, letter="b"))[:1]
    assert other.startswith("2.0 is active, sha256:bbbbbbbbbbbb, signed by release (a key pair), verified")


def test_lines_are_json_documents_too() -> None:
    teller, watched = Teller(), a_fleet()
    lines = [json.loads(json.dumps(line.document)) for line in teller.look(watched.picture(at(60)))]
    assert [line["type"] for line in lines] == ["statement", "failure", "progress"]
    assert lines[0]["release"]["trust"] == "verified"
    assert lines[1] == {
        "type": "failure",
        "code": "health.failed",
        "hosts": 1,
        "reason": "health check `web` failed",
        "channel": "os/stable",
        "at": "2026-03-02T12:01:00Z",
    }
    progress, seen = lines[2], {Phase.SUCCEEDED: 3, Phase.FAILED: 1, Phase.ACTIVATING: 1}
    assert progress["phases"]["pending"] == 6
    assert progress["hosts"] == {"known": 12, "online": 12, "meant": 12}
    assert progress["waves"][0] == {
        "name": "canary",
        "share": "first 10 %",
        "open": True,
        "opensAt": None,
        "fraction": 0.1,
        "phases": {phase.value: seen.get(phase, 0) for phase in Phase},
        "silent": 1,
    }


def test_every_field_is_explained() -> None:
    page = (Path(__file__).parents[4] / "docs/watching.md").read_text()
    picture = take(a_fleet(), [asking(2, asks="everybody", asked_at=at(30))], at(60)).picture(at(60))
    document = picture_document(picture)
    every = [document, document["release"], document["release"]["approval"], document["hosts"]]
    every += [*document["waves"], *document["failures"]]
    assert not {key for each in every for key in each if f"`{key}`" not in page}


def test_the_last_line_says_how_it_went() -> None:
    teller, watched = Teller(), a_fleet()
    picture = watched.picture(at(60))
    *_, last = teller.end(picture, Ending.FAILED)
    assert last.text.startswith("12:01:00Z os/stable #1: failed: 3 of 12 hosts succeeded (25.0 %)")
    assert (last.document["type"], last.document["outcome"]) == ("end", "failed")
    *_, last = Teller().end(picture, None)
    assert "not done yet" in last.text
    assert last.document["outcome"] is None
