"""Which requests are acted upon: time, nonces and order. A replay never passes, whatever the clock does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.journal import FakeJournal
from tests.support.requests import a_request
from tests.support.statements import NOON
from tidegate_agent.admission import SKEW
from tidegate_agent.errors import RefusedError
from tidegate_agent.records import Change, Decided, Hold, Ledger, Spent
from tidegate_agent.requests import REMEMBERED, RequestPolicy, judge, supersedes
from tidegate_schemas.codes import Code
from tidegate_schemas.requests import Action, HostRequest

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BREATH = timedelta(microseconds=1)
POLICY = RequestPolicy()
EMPTY = Ledger()


def _code(request: HostRequest, ledger: Ledger = EMPTY, now: datetime = NOON) -> Code | None:
    try:
        judge(request, ledger, POLICY, now)
    except RefusedError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("issued", "validity", "code"),
    [
        (timedelta(0), HOUR, None),
        (timedelta(0), DAY, None),
        (SKEW, HOUR, None),
        (-HOUR + BREATH, HOUR, None),
        (-HOUR, HOUR, Code.REQUEST_EXPIRED),
        (SKEW + BREATH, HOUR, Code.REQUEST_EXPIRED),
        (timedelta(0), DAY + BREATH, Code.REQUEST_EXPIRED),
    ],
    ids=str,
)
def test_a_request_counts_while_it_is_fresh(issued: timedelta, validity: timedelta, code: Code) -> None:
    at = NOON + issued
    assert _code(a_request(issued_at=at, expires=at + validity)) == code


def test_a_nonce_counts_once() -> None:
    request = a_request()
    ledger = Ledger({request.predicate.nonce: request.predicate.expires})
    assert _code(request, ledger) is Code.REQUEST_REPLAYED
    assert _code(a_request(), ledger) is None


def test_what_may_have_been_forgotten_is_refused() -> None:
    ledger = Ledger({}, closed_until=NOON + HOUR)
    assert _code(a_request(), ledger) is Code.REQUEST_EXPIRED
    assert _code(a_request(expires=NOON + HOUR + BREATH), ledger) is None


def test_as_many_are_remembered_as_can_be_and_none_is_forgotten_for_one_more() -> None:
    full = Ledger({str(number): NOON + HOUR for number in range(REMEMBERED)})
    assert _code(a_request(), full) is Code.REQUEST_TOO_MANY
    over = Ledger({**full.spent, "0": NOON})
    assert _code(a_request(), over) is None


@pytest.mark.parametrize(
    ("newest", "counts"),
    [(None, True), (NOON - BREATH, True), (NOON, True), (NOON + BREATH, False)],
    ids=str,
)
def test_the_word_that_was_signed_last_counts(newest: datetime | None, *, counts: bool) -> None:
    assert supersedes(a_request(Action.HOLD), Hold(held=True, by="ann", ordered_at=newest)) is counts


def test_the_first_word_counts() -> None:
    assert supersedes(a_request(Action.RESUME), None)


@dataclass
class _Host:
    """Judges and remembers as a host does, by a clock that jumps about."""

    journal: FakeJournal = field(default_factory=FakeJournal)
    accepted: list[str] = field(default_factory=list)

    def hear(self, request: HostRequest, now: datetime) -> None:
        if _code(request, self.journal.ledger(), now) is not None:
            return
        nonce, expires = request.predicate.nonce, request.predicate.expires
        self.journal.commit(Change(None, decided=Decided("message", Spent(nonce, expires, now))))
        self.accepted.append(nonce)


minutes = st.integers(-3000, 3000).map(lambda number: timedelta(minutes=number))
requests = st.builds(
    lambda issued, validity: a_request(issued_at=NOON + issued, expires=NOON + issued + validity),
    minutes,
    st.integers(1, 24 * 60).map(lambda number: timedelta(minutes=number)),
)


@given(st.data())
def test_no_request_is_ever_acted_upon_twice(data: st.DataObject) -> None:
    """Whoever recorded requests may send them in any order, however often, and set the host's clock."""
    known = data.draw(st.lists(requests, min_size=1, max_size=6))
    host = _Host()
    for heard, shift in data.draw(st.lists(st.tuples(st.sampled_from(known), minutes), max_size=40)):
        host.hear(heard, NOON + shift)
    assert len(host.accepted) == len(set(host.accepted))


@given(st.lists(minutes, min_size=1, max_size=20))
def test_nonces_are_pruned_only_when_their_request_has_ended(shifts: list[timedelta]) -> None:
    """And what is pruned is what has ended: the ledger does not grow without bound."""
    host = _Host()
    latest = NOON
    for shift in sorted(shifts):
        latest = NOON + shift
        host.hear(a_request(issued_at=latest, expires=latest + HOUR), latest)
    ledger = host.journal.ledger()
    assert all(end > latest for end in ledger.spent.values())
    assert len(host.accepted) == len(shifts)
