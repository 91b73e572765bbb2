"""`tidegate rollout status`: who leads, what is asked for, who waits for a budget."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.rollout import TOPICS
from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tidegate_fleet.hosts import Fleet
from tidegate_fleet.words import HostEvent, read_host_message
from tidegate_publisher.operations import Operation
from tidegate_publisher.rollout.decisions import Widen
from tidegate_publisher.rollout.picture import Picture
from tidegate_publisher.rollout.prompts import Prompts
from tidegate_publisher.rollout.standing import plan_of, status_document, status_rows
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from tests.fakes.rollout import SimHost

GATED = ({"name": "canary", "labels": {"ring": "canary"}}, {"name": "rest", "gate": {"approval": True}})
PROMPTS = Prompts("os/stable", "", ("--broker", "mqtts://b"))


def looked(stage: Stage) -> tuple[dict[str, str], dict[str, Any]]:
    """What `rollout status` shows, as rows and as a document."""
    fleet, now, statement = Fleet(), stage.clock.now(), stage.stands()
    for message in stage.park.retained():
        word = read_host_message(message, TOPICS)
        if isinstance(word, HostStatus | HostEvent):
            fleet.take(word, now)
    view = Picture(plan_of(statement), fleet, statement, now).view(now, statement)
    return dict(status_rows(view, statement, PROMPTS)), status_document(view, statement, PROMPTS)


def asking() -> Stage:
    stage = Stage(a_gated_release(GATED), a_fleet(5))
    assert stage.run(killed_after=60) is None
    return stage


def test_an_approval_that_is_asked_for_is_shown_with_its_command() -> None:
    stage = asking()
    rows, document = looked(stage)
    command = (
        f"tidegate rollout approve os/stable rest --expect-sequence {document['sequence']} --broker mqtts://b"
    )
    assert rows["led by"].endswith("at least; it waits for approval of wave rest")
    assert rows["asked for"].startswith("approval of wave rest, since 2026-03-02T12:0")
    assert rows["asked for"].endswith(f"\n{command}")
    assert (document["approval"]["wave"], document["approval"]["command"]) == ("rest", command)
    stage.approve("rest")
    rows, document = looked(stage)
    assert ("asked for" in rows, document["approval"]) == (False, None)


def test_nobody_leads_a_release_that_is_held_or_a_run_that_has_ended() -> None:
    stage = asking()
    stage.operate(Operation.HOLD)
    rows, document = looked(stage)
    assert rows["led by"].startswith("nobody; the run run-1 came to wave canary")
    sequence = document["sequence"]
    assert rows["to go on"] == f"tidegate resume os/stable --expect-sequence {sequence} --broker mqtts://b"
    assert (document["led"], "asked for" in rows) == (False, False)


@pytest.mark.parametrize(("until", "told"), [("canary", "done up to wave canary"), (None, "done")])
def test_a_run_that_went_up_to_a_wave_is_not_done_with_the_release(until: str | None, told: str) -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    stage.run(stage.plan(until=until))
    assert looked(stage)[0]["led by"] == f"nobody; the run run-1 has ended: {told}"


def test_hosts_that_wait_for_a_budget_are_in_their_wave() -> None:
    gate = {"budget": ({"at_most": 4},), "widen_every": timedelta(seconds=10)}
    hosts: list[SimHost] = a_fleet(20, takes_s=1800)
    stage = Stage(a_gated_release(({"name": "all"},), gate=gate), hosts)
    assert stage.run(killed_after=40) is None
    rows, document = looked(stage)
    (wave,) = document["waves"]
    begun = sum(host.step is not None for host in hosts)
    assert (wave["known"], wave["queued"], begun, wave["whole"]) == (20, 16, 4, 1)
    assert rows["wave all"].startswith(
        f"open for {wave['fraction'] * 100:.3g} % (16 wait for the budget): 20 hosts;"
    )
    assert ("in no wave" in rows, document["outside"]) == (False, 0)


def test_a_run_tells_how_far_a_wave_is_widened_in_percent() -> None:
    gate = {"budget": ({"at_most": 4},), "widen_every": timedelta(seconds=10)}
    stage = Stage(a_gated_release(({"name": "all"},), gate=gate), a_fleet(20))
    stage.run()
    widened = [one.reason for one in stage.teller.decisions if isinstance(one, Widen)]
    assert widened
    assert all(" more hosts fit into the budget" in one and one.startswith("open for ") for one in widened)
    assert all(" %; " in one and "0." not in one.split(";")[0] for one in widened)
