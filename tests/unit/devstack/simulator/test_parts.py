"""The simulator's parts: who behaves how, the outbox, the ledger, letters, figures, the parts of a fleet."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.key_pairs import KeyPair
from tests.support.statements import a_statement, an_event, digest_of
from tidegate_publisher.adapters.sigstore_verifier import SigstoreVerifier
from tidegate_publisher.devstack.simulator.crew import split
from tidegate_publisher.devstack.simulator.figures import Figures, total
from tidegate_publisher.devstack.simulator.fleet import Plan
from tidegate_publisher.devstack.simulator.ledger import Ledger, read_ledger
from tidegate_publisher.devstack.simulator.letters import Letters
from tidegate_publisher.devstack.simulator.line import Line
from tidegate_publisher.devstack.simulator.outbox import IN_FLIGHT, Outbox
from tidegate_publisher.devstack.simulator.profile import Behaviour, Installed, Kind, host_name, make_profile
from tidegate_publisher.devstack.simulator.shares import Share, drawn, parse_share
from tidegate_publisher.devstack.simulator.unverified import Unverified
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.messages import Version
from tidegate_wire.mqtt.settings import BusSettings
from tidegate_wire.trust.policy import SignerPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_schemas.events import UpdateEvent
    from tidegate_wire.trust.root import PinnedRoot

NAMES = frozenset(one.value for one in Behaviour)
KIND = Kind(Installed(digest_of("0")), (Share("flaps", 0.1), Share("fails-health", 0.03, "2.0")))


def an_event_called(name: str) -> UpdateEvent:
    return an_event().model_copy(update={"id": name})


class TestShares:
    def test_reads_a_share_with_and_without_a_version(self) -> None:
        assert parse_share("flaps=0.25", NAMES) == Share("flaps", 0.25)
        assert parse_share("fails-health=0.03@2.0", NAMES) == Share("fails-health", 0.03, "2.0")

    def test_a_share_may_be_a_percentage(self) -> None:
        assert parse_share("flaps=25%", NAMES) == Share("flaps", 0.25)
        assert parse_share("fails-health=0.5%@2.0", NAMES) == Share("fails-health", 0.005, "2.0")

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("flaps", "expected a share such as 5% or 0.05, not ''"),
            ("flaps=", "expected a share"),
            ("flaps=2", "did you mean 2%?"),
            ("flaps=-0.1", "expected a share"),
            ("flaps=nan", "expected a share"),
            ("sleeps=0.1", "fails-health"),
        ],
    )
    def test_refuses_anything_else_and_names_what_there_is(self, text: str, told: str) -> None:
        with pytest.raises(TidegateError, match=re.escape(told)) as caught:
            parse_share(text, NAMES)
        assert caught.value.code is Code.CONFIG_VALUE

    def test_draws_about_as_many_as_asked_for_and_others_for_each_version(self) -> None:
        hosts = [host_name(KIND, number) for number in range(5000)]
        first = {host for host in hosts if drawn(Share("fails-health", 0.1, "2.0"), "seed", host)}
        second = {host for host in hosts if drawn(Share("fails-health", 0.1, "2.1"), "seed", host)}
        assert 400 < len(first) < 600
        assert 20 < len(first & second) < 90

    def test_a_host_is_the_same_whoever_asks(self) -> None:
        assert make_profile(KIND, 7) == make_profile(KIND, 7)
        assert make_profile(KIND, 7) != make_profile(KIND, 8)

    def test_a_clock_that_is_off_is_off_by_enough_to_be_noticed(self) -> None:
        profile = make_profile(Kind(KIND.installed, (Share("clock-off", 1.0),)), 3)
        assert abs(profile.clock_offset) > timedelta(minutes=5)


class TestOutbox:
    def test_sends_in_order_and_only_so_many_at_once(self) -> None:
        outbox = Outbox()
        names = [f"e{number:02}" for number in range(20)]
        assert all(outbox.put(an_event_called(name)) for name in names)
        assert [event.id for event in outbox.take()] == names[:IN_FLIGHT]
        assert outbox.take() == []
        assert outbox.acknowledged("e00")
        assert [event.id for event in outbox.take()] == ["e16"]

    def test_sends_again_what_a_lost_connection_left_open(self) -> None:
        outbox = Outbox()
        outbox.put(an_event_called("a"))
        outbox.put(an_event_called("b"))
        outbox.take()
        outbox.acknowledged("a")
        outbox.connection_lost()
        assert [event.id for event in outbox.take()] == ["b"]

    @given(st.lists(st.tuples(st.sampled_from(["put", "take", "ack", "lose"]), st.integers(0, 9))))
    def test_never_loses_an_event_nor_tells_one_twice(self, moves: list[tuple[str, int]]) -> None:
        outbox, put, acknowledged = Outbox(), set[str](), set[str]()
        for move, number in moves:
            name = f"e{number}"
            match move:
                case "put":
                    assert outbox.put(an_event_called(name)) == (name not in put)
                    put.add(name)
                case "take":
                    outbox.take()
                case "ack":
                    assert outbox.acknowledged(name) == (name in put - acknowledged)
                    acknowledged |= {name} & put
                case "lose":
                    outbox.connection_lost()
        assert len(outbox) == len(put - acknowledged)
        outbox.connection_lost()
        assert {event.id for event in outbox.take()} == put - acknowledged


class TestLetters:
    def test_verifies_each_message_once_and_judges_its_signature(self) -> None:
        ours, theirs = KeyPair(), KeyPair()

        def root() -> PinnedRoot:
            raise AssertionError

        letters = Letters(SigstoreVerifier(root, SignerPolicy((ours.signer,))), ("os", "stable"))
        payload = a_statement().to_json()
        genuine, forged = ours.bundle(payload), theirs.bundle(payload)
        assert letters.read(genuine).statement == a_statement()
        assert letters.read(bytes(genuine)) is letters.read(genuine)
        failure = letters.read(forged).failure
        assert failure is not None
        assert failure.code is Code.SIGNATURE_IDENTITY
        assert letters.verified == 2

    def test_believes_everything_where_it_is_told_to_but_not_another_channel(self) -> None:
        message = KeyPair().bundle(a_statement().to_json())
        assert Letters(Unverified(), ("os", "stable")).read(message).statement == a_statement()
        for channel, text, code in (
            (("os", "beta"), message, Code.STATEMENT_TARGET),
            (("os", "stable"), b"{}", Code.STATEMENT_SCHEMA),
            (("os", "stable"), b"[]", Code.STATEMENT_SCHEMA),
            (("os", "stable"), b"x" * 70_000, Code.STATEMENT_OVERSIZE),
        ):
            failure = Letters(Unverified(), channel).read(text).failure
            assert failure is not None
            assert failure.code is code


class TestLedger:
    def test_what_is_written_is_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger"
        with Ledger(path) as first, Ledger(path) as second:
            first.created("a")
            second.created("b")
            first.acknowledged("a")
        assert read_ledger(path) == ({"a", "b"}, {"a"})

    def test_without_a_path_nothing_is_written(self) -> None:
        with Ledger(None) as ledger:
            ledger.created("a")
            ledger.flush()


def test_figures_are_summed_up_field_by_field() -> None:
    whole = total([Figures(hosts=2, connected=1, cpu_s=0.5), Figures(hosts=3, created=4, cpu_s=0.25)])
    assert whole == Figures(hosts=5, connected=1, created=4, cpu_s=0.75)


@pytest.mark.parametrize("processes", [1, 3, 4])
def test_the_parts_of_a_fleet_are_all_of_it(processes: int) -> None:
    line = Line(BusSettings(url="mqtt://127.0.0.1").each, Version.V311)
    plan = Plan(KIND, range(100), ("os", "stable"), line, per_second=300)
    parts = split(plan, processes)
    assert sorted(number for part in parts for number in part.numbers) == list(range(100))
    assert sum(part.per_second for part in parts) == pytest.approx(300)
