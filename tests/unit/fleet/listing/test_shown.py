"""What a person and a machine get to see of a fleet: whatever hosts say, no terminal is driven by it."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from tests.support.host_words import A, B, a_follow, after_noon, says, will
from tests.support.statements import NOON, a_statement
from tidegate_fleet.announced import Announced
from tidegate_fleet.listing import documents, table, text
from tidegate_fleet.listing.choice import Choice
from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.listing.live import LiveListing
from tidegate_fleet.listing.register import Register
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, RolloutState, Runner, Wave
from tidegate_schemas.status import Fault, TrustStatus

if TYPE_CHECKING:
    from tidegate_schemas.status import HostStatus

HOSTILE = "\x1b]0;owned\x07\u202e\x9b31m\r\nfake row\0"
STABLE = ("os", "stable")
ANNOUNCED = Announced(a_statement(A, sequence=7, version="2.0"))
STATUSES = (
    says(a_follow(state="succeeded", target=A, current=A, sequence=7, version="2.0"), host="edge-1"),
    says(
        a_follow(
            state="staged", target=A, current=B, sequence=7, version="1.0",
            waiting_for="window", until=after_noon(3600), reason="the next window opens at night",
        ),
        host="edge-2",
    ),
    says(
        a_follow(
            state="failed", target=A, current=B, sequence=7, version="1.0", quarantined=(A,),
            code=Code.HEALTH_FAILED, reason="web: 503", stale_since=NOON, refused=3,
        ),
        host="edge-3",
        fault=Fault(code=Code.JOURNAL_CORRUPT, reason="no space left"),
        trust=TrustStatus(warnings=("the root ends soon",)),
        events_dropped=12,
    ),
    will("edge-4"),
)  # fmt: skip


def filled(*statuses: HostStatus, announced: Announced | None = ANNOUNCED) -> Register:
    register = Register(Choice())
    if announced is not None:
        register.announce(STABLE, announced)
    for status in statuses:
        register.take(status, NOON)
    return register


def test_the_header_sums_up() -> None:
    assert list(text.header(filled(*STATUSES), NOON)) == [
        "4 hosts, 3 online",
        "1 host is offline and left only its name; no label, channel or phase matches",
        "os/stable  #7 2.0 sha256:aaaaaaaaaaaa, NOT VERIFIED",
        "    3 hosts: 1 current, 1 waiting, 1 quarantined",
        "    wait: 1 for a window (13:00:00Z)",
        "    run: 1.0 on 2, 2.0 on 1",
        "    1 host heard nothing new before the statement expired",
        "    3 messages refused",
        "quarantined sha256:aaaaaaaaaaaa on 1 host",
        "trouble: 1 host cannot write to disk, 1 host with trust warnings, 12 events dropped by 1 host",
    ]


def test_the_table_says_why() -> None:
    lines = list(table.table(filled(*STATUSES).rows(), NOON))
    assert lines[0].split() == ["HOST", "PRESENCE", "CHANNEL", "RUNS", "PHASE", "DRIFT", "WHY"]
    why = {line.split()[0]: line.split("  ")[-1].strip() for line in lines[1:]}
    assert why["edge-2"] == "window until 13:00:00Z: the next window opens at night"
    assert why["edge-3"] == (
        "[journal.corrupt] no space left; [health.failed] web: 503; stale since 12:00:00Z; "
        "1 quarantined; trust: the root ends soon; 12 events dropped"
    )


def test_a_channel_is_shown_with_what_is_to_be_known_of_it() -> None:
    def line(announced: Announced | None) -> str:
        return list(text.header(filled(STATUSES[0], announced=announced), NOON))[1]

    held = a_statement(A, sequence=7, version="2.0", rollout=Rollout(seed="s", state=RolloutState.HELD))
    late = a_statement(A, issued_at=NOON - timedelta(days=14), version="2.0")
    fault = TidegateError(Code.SIGNATURE_MISSING, "nobody signed it")
    assert line(None) == "os/stable  nothing is announced here"
    assert line(Announced(held, verified=True)).endswith("aaaa, HELD, genuine, by whomever")
    assert line(Announced(held, verified=True, compared=True)).endswith("HELD, verified")
    assert "EXPIRED 12:00:00Z" in line(Announced(late))
    assert line(Announced(None, fault=fault)).endswith("not believed: [signature.missing] nobody signed it")


def hostile() -> Register:
    follow = a_follow(
        state=HOSTILE, version=HOSTILE, current=A, waiting_for=HOSTILE, reason=HOSTILE * 100, hold=HOSTILE
    )
    status = says(
        follow,
        labels={HOSTILE: HOSTILE},
        trust=TrustStatus(warnings=(HOSTILE,) * 64),
        fault=Fault(code=Code.JOURNAL_CORRUPT, reason=HOSTILE),
    )
    return filled(status, announced=Announced(a_statement(B, version=HOSTILE)))


def test_what_hosts_say_drives_no_terminal_and_makes_no_line() -> None:
    register = hostile()
    rows = register.rows()
    lines = [*text.header(register, NOON), *table.table(rows, NOON), table.change(rows[0], NOON)]
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) < 500
    assert len(lines) == 1 + 4 + 1 + 2 + 1


def test_documents_hold_it_as_it_is_in_ascii() -> None:
    register = hostile()
    document = json.dumps(documents.row_document(register.rows()[0]))
    assert document.isascii()
    assert document.isprintable()
    assert json.loads(document)["version"] == HOSTILE


def test_the_documents() -> None:
    register = filled(*STATUSES)
    fleet = documents.fleet_document(register, NOON, complete=True)
    assert {key: fleet[key] for key in ("type", "format", "complete", "known", "hosts", "online")} == {
        "type": "fleet", "format": 1, "complete": True, "known": 4, "hosts": 4, "online": 3,
    }  # fmt: skip
    assert fleet["quarantined"] == {A: 1}
    channel = documents.channel_document(register, STABLE)
    assert channel["drift"] == {"current": 1, "quarantined": 1, "waiting": 1}
    assert channel["windows"] == {"first": "2026-03-02T13:00:00Z", "last": "2026-03-02T13:00:00Z"}
    assert channel["announced"]["verified"] is False
    rows = [documents.row_document(row) for row in register.rows()]
    assert [(row["host"], row.get("drift"), row["online"]) for row in rows] == [
        ("edge-3", "quarantined", True),
        ("edge-2", "waiting", True),
        ("edge-4", None, False),
        ("edge-1", "current", True),
    ]
    assert rows[0]["staleSince"] == "2026-03-02T12:00:00Z"
    assert rows[2] == {
        "type": "host",
        "host": "edge-4",
        "online": False,
        "labels": {},
        "drifts": False,
    }


def test_every_field_is_explained() -> None:
    page = (Path(__file__).parents[4] / "docs/fleet.md").read_text()
    register = filled(*STATUSES)
    every: list[dict[str, Any]] = [
        documents.fleet_document(register, NOON, complete=True),
        documents.channel_document(register, STABLE),
        *(documents.row_document(row) for row in register.rows()),
        documents.label_document("site", "kiel", 1),
    ]
    for document in every:
        assert not {key for key in document if f"`{key}`" not in page}, document["type"]
    for drift in Drift:
        assert f"| `{drift.value}` |" in page


def waits_for_wave(rollout: Rollout) -> str:
    follow = a_follow(
        state="staged",
        target=A,
        current=B,
        sequence=7,
        waiting_for="wave",
        reason="no wave takes this host in",
    )
    register = filled(says(follow), announced=Announced(a_statement(A, sequence=7, rollout=rollout)))
    return table.why(register.rows()[0], NOON)


def test_who_waits_for_a_wave_is_told_which_and_why() -> None:
    def rest(**wave: Any) -> Rollout:
        return Rollout(seed="s", waves=(Wave(name="rest", **wave),))

    runner = Runner(id="ci-77", process="1", wave="rest", began_at=NOON, whole=1.0)
    widens = rest(fraction=1e-9, open=True).model_copy(update={"runner": runner})
    assert waits_for_wave(rest()) == "wave rest: closed"
    assert waits_for_wave(rest(opens_at=after_noon(60))) == "wave rest: opens 12:01:00Z"
    assert waits_for_wave(rest(open=True)) == "wave rest: open, not heard of yet"
    assert waits_for_wave(widens) == "wave rest: open for 1e-07 %, waits for the budget"
    assert waits_for_wave(Rollout(seed="s", waves=())) == "wave: no wave takes this host in"


def test_rows_are_cut_to_a_terminal_and_labels_stand_on_a_wide_one() -> None:
    labelled = STATUSES[1].model_copy(update={"labels": {"site": "kiel", "ring": "pilot"}})
    rows = filled(STATUSES[0], labelled).rows()
    narrow, wide = list(table.table(rows, NOON, 80)), list(table.table(rows, NOON, 160))
    assert all(len(line) <= 80 for line in narrow)
    assert narrow[0].split() == ["HOST", "PRESENCE", "RUNS", "PHASE", "DRIFT", "WHY"]
    assert wide[0].split() == ["HOST", "PRESENCE", "CHANNEL", "RUNS", "PHASE", "DRIFT", "LABELS", "WHY"]
    assert "ring=pilot site=kiel" in wide[1]


def test_labels_are_counted_by_host() -> None:
    two = (a_follow(), a_follow(channel="beta"))
    register = filled(
        says(*two, host="a", labels={"site": "kiel", "ring": "pilot"}),
        says(*two, host="b", labels={"site": "kiel"}),
        says(*two, host="c", labels={"site": "bonn"}),
    )
    counts = table.label_counts(register.rows())
    assert counts == [("ring", "pilot", 1), ("site", "kiel", 2), ("site", "bonn", 1)]
    assert list(table.label_table(counts)) == [
        "ring=pilot  1 host",
        "site=kiel   2 hosts",
        "site=bonn   1 host",
    ]


def test_a_screen_keeps_the_rows_that_were_asked_for() -> None:
    register = filled(*(says(a_follow(), host=f"edge-{number}") for number in range(500)))
    console = Console(file=io.StringIO(), width=80, height=60, force_terminal=True)
    lines = LiveListing(register, console, most=7).picture(NOON).plain.split("\n")
    assert sum(line.startswith("edge-") for line in lines) == 7
    assert lines[-1] == "… and 493 rows more"


def test_a_screen_holds_what_fits() -> None:
    register = filled(*(says(a_follow(), host=f"edge-{number}") for number in range(500)))
    console = Console(file=io.StringIO(), width=60, height=20, force_terminal=True)
    picture = LiveListing(register, console).picture(NOON, "the broker was lost")
    lines = picture.plain.split("\n")
    assert len(lines) <= 20
    assert lines[0] == "12:00:00Z  the broker was lost"
    assert lines[-1].endswith("rows more")
    assert all(len(line) <= 60 for line in lines)


def test_a_screen_is_painted_and_given_back() -> None:
    shown = io.StringIO()
    with LiveListing(
        filled(*STATUSES), Console(file=shown, width=100, height=30, force_terminal=True)
    ) as live:
        live.paint(NOON)
    assert "edge-3" in shown.getvalue()
    assert shown.getvalue().endswith("\x1b[?25h\x1b[?1049l")
