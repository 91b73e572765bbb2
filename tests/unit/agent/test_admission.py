"""Which statements are taken up (steps 6 and 7), and for whom they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.statements import NOON, a_statement
from tidegate_agent.admission import SKEW, HostFacts, Memory, Policy, admit, fitness, target_of
from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Urgency
from tidegate_schemas.statement import Requires

SECOND = timedelta(seconds=1)
MICRO = timedelta(microseconds=1)
FACTS = HostFacts("edge-1", "amd64", {"site": "lab"})


def admitted(
    *, now: datetime = NOON, memory: Memory | None = None, policy: Policy | None = None, **fields: Any
) -> Memory:
    statement = a_statement(**fields)
    return admit(statement, "print", memory or Memory(), policy or Policy(), now)


def code_of(**arguments: Any) -> Code:
    with pytest.raises(RefusedError) as caught:
        admitted(**arguments)
    return caught.value.code


# Step 6


def test_a_statement_ends_at_its_expiry() -> None:
    expires = NOON + timedelta(days=14)
    assert admitted(now=expires - MICRO).expires == expires
    assert code_of(now=expires) is Code.STATEMENT_EXPIRED
    assert code_of(now=expires + SECOND) is Code.STATEMENT_EXPIRED


def test_clocks_may_differ_by_five_minutes() -> None:
    assert timedelta(minutes=5) == SKEW
    assert admitted(now=NOON - SKEW).sequence == 1
    assert code_of(now=NOON - SKEW - MICRO) is Code.STATEMENT_NOT_YET_VALID


def test_validity_is_bounded() -> None:
    policy = Policy(max_validity=timedelta(days=14))
    assert admitted(policy=policy).sequence == 1
    assert code_of(policy=policy, expires=NOON + timedelta(days=14) + MICRO) is Code.STATEMENT_VALIDITY


# Step 7


@pytest.mark.parametrize(
    ("sequence", "memory", "code"),
    [
        (1_000_000_000, Memory(), None),
        (8, Memory(7, "other"), None),
        (7, Memory(7, "print"), None),
        (7, Memory(7, "other"), Code.STATEMENT_EQUIVOCATION),
        (6, Memory(7, "print"), Code.STATEMENT_ROLLBACK),
        (17, Memory(7, "other"), None),
        (18, Memory(7, "other"), Code.STATEMENT_FAST_FORWARD),
    ],
    ids=["the first", "next", "the same", "equivocation", "rollback", "longest jump", "too long a jump"],
)
def test_sequences(sequence: int, memory: Memory, code: Code | None) -> None:
    policy = Policy(max_jump=10)
    if code is None:
        assert admitted(sequence=sequence, memory=memory, policy=policy).sequence == sequence
    else:
        assert code_of(sequence=sequence, memory=memory, policy=policy) is code


def test_freshness_is_looked_at_before_the_sequence() -> None:
    late = NOON + timedelta(days=15)
    assert code_of(now=late, sequence=1, memory=Memory(7, "x")) is Code.STATEMENT_EXPIRED
    assert code_of(issued_at=late, memory=Memory(7, "x")) is Code.STATEMENT_NOT_YET_VALID


def test_what_is_remembered() -> None:
    memory = admitted(sequence=9, floor=4, memory=Memory(8, "x", floor=6, expires=NOON))
    assert memory == Memory(9, "print", 6, NOON + timedelta(days=14), issued_at=NOON)
    assert admitted(sequence=9, floor=8, memory=memory).floor == 8


@pytest.mark.parametrize("now", [NOON + timedelta(days=15), NOON - timedelta(days=1)])
def test_a_refusal_says_both_times(now: datetime) -> None:
    with pytest.raises(RefusedError, match=r"2026-03-.*2026-03-"):
        admitted(now=now)


def test_a_target_says_what_the_statement_says() -> None:
    statement = a_statement(sequence=3, version="2.0", urgency=Urgency.URGENT, deadline=NOON)
    target = target_of(statement)
    assert (target.digest, target.sequence, target.version) == (statement.digest, 3, "2.0")
    assert (target.urgency, target.deadline) == (Urgency.URGENT, NOON)
    assert target.expires == statement.predicate.expires
    assert target.references == ("registry.example/os",)


# Fitness


@pytest.mark.parametrize(
    ("requires", "installed", "code"),
    [
        (Requires(), 0, None),
        (Requires(arch=("arm64", "amd64")), 0, None),
        (Requires(arch=("arm64",)), 0, Code.REQUIRES_ARCH),
        (Requires(labels={"site": "lab"}), 0, None),
        (Requires(labels={"site": "kiel"}), 0, Code.REQUIRES_LABELS),
        (Requires(labels={"ring": "early"}), 0, Code.REQUIRES_LABELS),
        (Requires(minimum_sequence=5), 5, None),
        (Requires(minimum_sequence=5), 4, Code.REQUIRES_MINIMUM),
        (Requires(minimum_sequence=1), 0, Code.REQUIRES_MINIMUM),
        (Requires(arch=("arm64",), labels={"site": "kiel"}, minimum_sequence=9), 0, Code.REQUIRES_ARCH),
    ],
)
def test_fitness(requires: Requires, installed: int, code: Code | None) -> None:
    failure = fitness(a_statement(requires=requires).predicate, FACTS, installed)
    assert (failure.code if failure else None) is code


def test_a_reason_names_both_sides() -> None:
    failure = fitness(a_statement(requires=Requires(arch=("arm", "arm64"))).predicate, FACTS, 0)
    assert failure is not None
    assert failure.reason == "this host is amd64, the release is for arm, arm64"
