"""Reading what the broker has in store: when it has come, what is passed over, what comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.ears import FakeEars
from tests.support.host_words import A, B, a_follow, says
from tests.support.statements import NOON, a_statement
from tidegate_fleet.announced import Announced
from tidegate_fleet.listing.choice import Choice
from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.listing.gathering import QUIET_S, Gathering, Source
from tidegate_fleet.listing.register import Register
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPICS = Topics()
RUNS_A = a_follow(state="succeeded", target=A, current=A, sequence=7)


def retained(number: int) -> Message:
    status = says(RUNS_A, host=f"h{number}")
    return Message(TOPICS.status(status.host), status.to_json(), retained=True)


def live(host: str, current: str) -> Message:
    status = says(RUNS_A.model_copy(update={"current": current}), host=host)
    return Message(TOPICS.status(host), status.to_json(), retained=False)


def gathered(batches: Sequence[tuple[float, Sequence[Message]]]) -> tuple[Gathering, Register, FakeEars]:
    ears, register = FakeEars(batches), Register(Choice())
    announced = Announced(a_statement(A, sequence=7))

    def read_statement(_: tuple[str, str], payload: bytes) -> Announced:
        return announced if payload == b"a statement" else Announced(None)

    source = Source(ears, TOPICS, read_statement, lambda: NOON, ears.seconds)
    gathering = Gathering(source, register)
    gathering.begin()
    return gathering, register, ears


def test_it_ends_when_nothing_retained_has_come_for_a_while() -> None:
    batches = [(0.5, [retained(1), retained(2)]), (QUIET_S - 0.1, [retained(3)])]
    gathering, register, ears = gathered(batches)
    assert gathering.stored(60)
    assert (len(register), ears.now_s) == (3, 0.5 + 2 * QUIET_S - 0.1)
    assert ears.asked == [(TOPICS.all_channels, *TOPICS.all_presence)]


def test_a_fleet_that_is_busy_meanwhile_does_not_keep_it_from_ending() -> None:
    busy = [(0.1, [live("h9", B)]) for _ in range(1000)]
    gathering, register, ears = gathered([(0.1, [retained(1)]), *busy])
    assert gathering.stored(60)
    assert ears.now_s < 2 * QUIET_S
    assert len(register) == 2


def test_a_broker_that_never_comes_to_an_end_is_left() -> None:
    gathering, register, ears = gathered([(1.0, [retained(number)]) for number in range(1000)])
    assert not gathering.stored(10)
    assert (len(register), ears.now_s) == (10, 10)


def test_an_empty_broker_is_an_empty_fleet() -> None:
    gathering, register, _ = gathered([])
    assert gathering.stored(60)
    assert (len(register), register.tally.hosts) == (0, 0)


def test_statements_and_statuses_are_told_apart_and_the_rest_is_passed_over() -> None:
    channel = TOPICS.channel("os", "stable")
    rest = [
        Message(TOPICS.status("h2"), b"not json", retained=True),
        Message(TOPICS.status("h3"), retained(4).payload, retained=True),
        Message(TOPICS.status("h5"), b"", retained=False),
        Message(f"{TOPICS.prefix}/channels/UPPER/x", b"a statement", retained=True),
    ]
    gathering, register, _ = gathered(
        [(0, [retained(1), Message(channel, b"a statement", retained=True), *rest])]
    )
    gathering.stored(60)
    assert gathering.passed_over == 3
    assert [(row.host, row.drift) for row in register.rows()] == [("h1", Drift.CURRENT)]


def test_a_channel_that_holds_nothing_any_more_is_forgotten() -> None:
    channel = TOPICS.channel("os", "stable")
    gathering, register, _ = gathered(
        [
            (0, [retained(1), Message(channel, b"a statement", retained=True)]),
            (0, [Message(channel, b"", retained=False)]),
        ]
    )
    gathering.stored(60)
    assert [row.drift for row in register.rows()] == [Drift.UNKNOWN]


def test_news_are_the_rows_that_changed() -> None:
    gathering, _, _ = gathered([(0, [retained(1), retained(2)]), (9, [live("h1", B), live("h2", A)])])
    assert gathering.stored(60)
    assert [(row.host, row.current) for row in gathering.news(9)] == [("h1", B)]
    assert list(gathering.news(9)) == []
