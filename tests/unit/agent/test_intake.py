"""From verdict to event: refused, known or admitted, and what is remembered with it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.statements import NOON, a_statement
from tests.support.updates import BOOT, FAILURE, NEW, OLD, an_image, an_update
from tidegate_agent.admission import HostFacts, Memory, Policy
from tidegate_agent.errors import RefusedError
from tidegate_agent.intake import Decision, Intake
from tidegate_agent.model import Failure, Follow, Verdict
from tidegate_agent.update.events import Admitted, Known, Refused
from tidegate_agent.update.states import Idle, Outcome, Settled, State, Verifying, Waiting
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import Requires

SETTLED = Settled(an_update(), Outcome.FAILED, FAILURE)


def verdict(payload: bytes | None = None, signed: datetime | None = None) -> Verdict:
    return Verdict(payload or a_statement().to_json(), "https://ci.example", "https://issuer", signed)


def decide(found: Verdict | TidegateError, **changes: Any) -> Decision:
    arguments: dict[str, Any] = {
        "state": Idle(),
        "memory": Memory(),
        "now": NOON,
        "quarantined": {},
        **changes,
    }
    intake = Intake(Follow("os", "stable"), HostFacts("edge-1", "amd64"), Policy(), BOOT)
    return intake.decide(
        "f00", found, image=an_image(), installed=3, attempts={NEW: 2}.__getitem__, **arguments
    )


def failure_of(decision: Decision) -> Failure:
    assert isinstance(decision.event, Refused)
    assert (decision.memory, decision.floor) == (None, None)
    return decision.event.failure


def test_what_is_admitted_is_remembered() -> None:
    found = verdict(signed=NOON)
    decision = decide(found)
    assert isinstance(decision.event, Admitted)
    event = decision.event
    assert (event.target.digest, event.attempt, event.installed_sequence) == (NEW, 3, 3)
    assert (event.image, event.boot_id, event.unfit) == (an_image(OLD), BOOT, None)
    accepted = hashlib.sha256(found.payload).hexdigest()
    assert decision.memory == Memory(1, accepted, 0, NOON + timedelta(days=14), issued_at=NOON)
    assert decision.floor == NOON


def test_a_verifiers_refusal_is_passed_on() -> None:
    failure = failure_of(decide(RefusedError(Code.SIGNATURE_IDENTITY, "signed by someone else")))
    assert failure == Failure(Code.SIGNATURE_IDENTITY, "signed by someone else")


def test_a_refusal_of_what_was_signed_names_the_signer() -> None:
    failure = failure_of(decide(verdict(), memory=Memory(7, "x")))
    assert failure.code is Code.STATEMENT_ROLLBACK
    assert failure.details == {"signer": "https://ci.example", "issuer": "https://issuer"}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", Code.STATEMENT_MALFORMED),
        (b"{}", Code.STATEMENT_TYPE),
        (a_statement(product="app").to_json(), Code.STATEMENT_TARGET),
        (a_statement(channel="beta").to_json(), Code.STATEMENT_TARGET),
        (a_statement(critical=("unheard-of",)).to_json(), Code.STATEMENT_CRITICAL),
        (a_statement(issued_at=NOON - timedelta(days=14)).to_json(), Code.STATEMENT_EXPIRED),
    ],
)
def test_what_the_verifier_said_is_read_again_here(payload: bytes, code: Code) -> None:
    assert failure_of(decide(Verdict(payload, "i", "j", None))).code is code


def test_the_time_of_signing_holds_a_slow_clock_up() -> None:
    slow = datetime(1970, 1, 1, tzinfo=NOON.tzinfo)
    assert failure_of(decide(verdict(), now=slow)).code is Code.STATEMENT_NOT_YET_VALID
    assert isinstance(decide(verdict(signed=NOON), now=slow).event, Admitted)
    late = verdict(signed=NOON + timedelta(days=14))
    assert failure_of(decide(late, now=slow)).code is Code.STATEMENT_EXPIRED


@pytest.mark.parametrize(
    ("state", "known"),
    [
        (SETTLED, True),
        (Verifying("f00", SETTLED), True),
        (Waiting(an_update()), False),
        (Idle(), False),
        (Settled(an_update(OLD), Outcome.SUCCEEDED), False),
    ],
)
def test_a_redelivery_is_known_once_its_update_has_ended(state: State, known: bool) -> None:  # noqa: FBT001 - a column
    found = verdict()
    memory = Memory(1, hashlib.sha256(found.payload).hexdigest())
    decision = decide(found, state=state, memory=memory)
    assert isinstance(decision.event, Known) is known
    assert isinstance(decision.event, Admitted) is not known


def test_a_heartbeat_is_no_redelivery() -> None:
    found = verdict(a_statement(sequence=2).to_json())
    assert isinstance(decide(found, state=SETTLED, memory=Memory(1, "x")).event, Admitted)


def test_quarantine_comes_before_all_requirements() -> None:
    found = verdict(a_statement(requires=Requires(arch=("arm64",))).to_json())
    event = decide(found, quarantined={NEW: FAILURE}).event
    assert isinstance(event, Admitted)
    assert event.unfit is not None
    assert (event.unfit.code, event.unfit.details) == (Code.IMAGE_QUARANTINED, {"because": FAILURE.code})
    assert FAILURE.reason in event.unfit.reason
    other = decide(found, quarantined={OLD: FAILURE}).event
    assert isinstance(other, Admitted)
    assert other.unfit is not None
    assert other.unfit.code is Code.REQUIRES_ARCH
