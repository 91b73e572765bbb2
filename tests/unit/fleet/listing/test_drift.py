"""Why a host does not run what its channel holds: each reason, and which comes first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.host_words import A, B, a_follow, says, will
from tests.support.statements import NOON, a_statement
from tidegate_fleet.announced import Announced
from tidegate_fleet.hosts import Fleet, Host
from tidegate_fleet.listing.drift import Drift, drift_of
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_schemas.statement import Requires
from tidegate_schemas.status import Fault

SEVENTH = a_statement(A, sequence=7)
FAULT = Fault(code=Code.JOURNAL_CORRUPT, reason="no space left")


def drift(
    announced: Announced | None = None, *, gone: bool = False, fault: Fault | None = None, **follow: Any
) -> Drift:
    fields = {"state": "succeeded", "target": B, "current": B, "sequence": 6, **follow}
    status = says(a_follow(**fields), labels={"site": "kiel"}, fault=fault)
    fleet = Fleet()
    host = fleet.take(status, NOON)
    if gone:
        fleet.take(will(), NOON)
    assert isinstance(host, Host)
    assert host.status is not None
    return drift_of(host, host.status.follows[0], announced or Announced(SEVENTH))


@pytest.mark.parametrize(
    ("follow", "expected"),
    [
        ({"current": A}, Drift.CURRENT),
        ({"current": A, "state": "staging", "target": B, "sequence": 9}, Drift.CURRENT),
        ({}, Drift.UNHEARD),
        ({"sequence": None, "target": None, "state": "idle"}, Drift.UNHEARD),
        ({"gone": True}, Drift.OFFLINE),
        ({"sequence": 8}, Drift.AHEAD),
        ({"sequence": 8, "quarantined": (A,)}, Drift.AHEAD),
        ({"quarantined": (A, B)}, Drift.QUARANTINED),
        ({"fault": FAULT}, Drift.FAULT),
        ({"target": A, "state": "waiting"}, Drift.WAITING),
        ({"target": A, "state": "staged", "waiting_for": "window"}, Drift.WAITING),
        ({"target": A, "state": "staged", "waiting_for": "hold"}, Drift.HELD),
        ({"target": A, "state": "staged"}, Drift.STAGING),
        ({"target": A, "state": "staging", "gone": True}, Drift.OFFLINE),
        ({"target": A, "state": "rebooting"}, Drift.ACTIVATING),
        ({"target": A, "state": "rolling-back"}, Drift.ACTIVATING),
        ({"target": A, "state": "failed"}, Drift.FAILED),
        ({"target": A, "state": "failed", "gone": True}, Drift.FAILED),
        ({"target": A, "state": "rolled-back", "quarantined": (A,)}, Drift.QUARANTINED),
        ({"target": A, "state": "rejected"}, Drift.REJECTED),
        ({"target": A, "state": "cancelled"}, Drift.CANCELLED),
        ({"target": A, "state": "succeeded"}, Drift.CHANGED),
        ({"target": A, "state": "what a later agent calls it"}, Drift.UNKNOWN),
    ],
)
def test_each_reason(follow: dict[str, Any], expected: Drift) -> None:
    assert drift(**follow) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rollout": Rollout(seed="s", state=RolloutState.REVOKED)}, Drift.WITHDRAWN),
        ({"rollout": Rollout(seed="s", state=RolloutState.HELD)}, Drift.UNHEARD),
        ({"requires": Requires(arch=("arm64",))}, Drift.NOT_MEANT),
        ({"requires": Requires(labels={"site": "lab"})}, Drift.NOT_MEANT),
        ({"requires": Requires(labels={"site": "kiel"}, arch=("amd64",))}, Drift.UNHEARD),
    ],
)
def test_what_the_statement_asks_of_a_host(changes: dict[str, Any], expected: Drift) -> None:
    assert drift(Announced(a_statement(A, sequence=7, **changes))) is expected


def test_nobody_drifts_from_what_is_not_believed() -> None:
    assert drift(Announced(None)) is Drift.UNKNOWN


def test_who_should_run_something_else() -> None:
    in_step = {each for each in Drift if not each.drifts}
    assert in_step == {Drift.CURRENT, Drift.NOT_MEANT, Drift.WITHDRAWN, Drift.UNKNOWN}
