"""Requests to hosts as the publisher makes them: what is signed, what is said before, which answers count."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from tests.fakes.clock import FakeClock
from tests.fakes.publisher import RELEASER, FakeSigner, RecordedProgress
from tests.fakes.requests import FakeLine, FakeRequestVerifier
from tests.support.statements import NOON, digest_of
from tidegate_publisher.cli import cli
from tidegate_publisher.ports import SignerId
from tidegate_publisher.requesting import RequestDesk, Sealed, Wish, compose, deliver
from tidegate_publisher.wiring import new_nonce
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import TYPE_PREFIX, Step, UpdateData, UpdateEvent
from tidegate_schemas.requests import Action, host_digest, parse_request

HOLD = Wish(Action.HOLD, ("edge-1", "edge-2"), ("os", "stable"), reason="the line runs")
MINUTE = timedelta(minutes=1)


def said(
    host: str, details: dict[str, str], code: Code | None = None, step: Step = Step.ANSWERED
) -> UpdateEvent:
    data = UpdateData(
        product="os", channel="stable", step=step, code=code, reason="so it is", details=details
    )
    return UpdateEvent(
        id=f"{host}/{details}", source=host, type=TYPE_PREFIX + step, subject=host, time=NOON, data=data
    )


def nonce_of(bundle: bytes) -> str:
    return parse_request(json.loads(bundle)["payload"].encode()).predicate.nonce


def done(host: str, bundle: bytes) -> list[UpdateEvent]:
    return [said(host, {"nonce": nonce_of(bundle), "outcome": "done"})]


class Desk:
    """A desk on fakes."""

    def __init__(self, signer: FakeSigner | None = None, verifier: FakeRequestVerifier | None = None) -> None:
        self.signer = signer or FakeSigner()
        self.progress = RecordedProgress()
        numbers = itertools.count(1)
        self.desk = RequestDesk(
            self.signer,
            verifier or FakeRequestVerifier(),
            FakeClock(NOON),
            self.progress,
            lambda: f"nonce-{next(numbers):020}",
        )

    def sign(self, wish: Wish = HOLD) -> list[Sealed]:
        return self.desk.sign(wish)


@pytest.fixture
def line() -> FakeLine:
    return FakeLine(done)


@pytest.fixture
def progress() -> RecordedProgress:
    return RecordedProgress()


def test_each_host_gets_a_request_of_its_own() -> None:
    sealed = Desk().sign()
    requests = [parse_request(json.loads(one.bundle)["payload"].encode()) for one in sealed]
    assert [one.predicate.host for one in requests] == ["edge-1", "edge-2"]
    assert len({one.predicate.nonce for one in requests}) == 2
    assert [one.digest for one in requests] == [host_digest("edge-1"), host_digest("edge-2")]
    first = requests[0].predicate
    assert (first.product, first.channel, first.reason) == ("os", "stable", "the line runs")
    assert (first.issued_at, first.expires) == (NOON, NOON + timedelta(hours=1))


def test_what_will_be_asked_of_whom_is_said_before_it_is_signed() -> None:
    desk = Desk(FakeSigner(error=TidegateError(Code.SIGN_FAILED, "no")))
    with pytest.raises(TidegateError):
        desk.sign()
    assert desk.progress.notes == [
        f"{host} will be asked to: hold, os/stable (the line runs); valid for 1h" for host in HOLD.hosts
    ]


def test_a_rollback_speaks_of_the_image() -> None:
    wish = Wish(Action.ROLLBACK, ("edge-1",), digest=digest_of("0"))
    request = compose(wish, "edge-1", nonce="n" * 22, now=NOON)
    assert (request.digest, request.predicate.product) == (digest_of("0"), None)
    assert digest_of("0") in wish.text


def test_a_reset_names_its_sequence() -> None:
    wish = Wish(Action.RESET, ("edge-1",), ("os", "stable"), sequence=41)
    predicate = compose(wish, "edge-1", nonce="n" * 22, now=NOON).predicate
    assert (predicate.action, predicate.sequence) == (Action.RESET, 41)
    assert (predicate.product, predicate.channel) == ("os", "stable")
    assert wish.text == "reset to sequence 41, os/stable; valid for 1h"


@pytest.mark.parametrize(
    "wish",
    [
        Wish(Action.RESET, ("edge-1",), ("os", "stable")),
        Wish(Action.RESET, ("edge-1",), sequence=41),
        Wish(Action.HOLD, ("edge-1",), ("os", "stable"), sequence=41),
    ],
    ids=lambda wish: wish.text,
)
def test_a_sequence_is_for_a_reset_of_one_channel(wish: Wish) -> None:
    with pytest.raises(TidegateError) as refused:
        compose(wish, "edge-1", nonce="n" * 22, now=NOON)
    assert refused.value.code is Code.REQUEST_INVALID


def test_a_request_that_cannot_be_is_not_signed() -> None:
    desk = Desk()
    with pytest.raises(TidegateError) as refused:
        desk.sign(Wish(Action.HOLD, ("edge-1",), reason="x" * 5000))
    assert (refused.value.code, desk.signer.signed) == (Code.REQUEST_INVALID, [])


@pytest.mark.parametrize(
    ("signer", "verifier"),
    [
        (FakeSigner(garble=lambda payload: payload.replace(b"hold", b"resume")), FakeRequestVerifier()),
        (FakeSigner(garble=lambda payload: payload.replace(b"edge-1", b"edge-3")), FakeRequestVerifier()),
        (FakeSigner(), FakeRequestVerifier(frozenset({SignerId("ann", "issuer")}))),
    ],
    ids=["other action", "other host", "other signer"],
)
def test_what_does_not_verify_after_signing_is_not_sent(
    signer: FakeSigner, verifier: FakeRequestVerifier
) -> None:
    with pytest.raises(TidegateError) as refused:
        Desk(signer, verifier).sign()
    assert refused.value.code is Code.ANNOUNCE_UNVERIFIED


def test_nonces_are_random_and_long_enough() -> None:
    nonces = {new_nonce() for _ in range(100)}
    assert len(nonces) == 100
    assert {len(nonce) for nonce in nonces} == {32}


def test_without_waiting_it_ends_when_all_is_sent(line: FakeLine, progress: RecordedProgress) -> None:
    sealed = Desk().sign()
    replies = deliver(sealed, line, progress, None)
    assert [(reply.host, reply.outcome) for reply in replies] == [("edge-1", "sent"), ("edge-2", "sent")]
    assert line.sent == [(one.host, one.bundle) for one in sealed]
    assert line.waits == []


def test_answers_are_listened_for_before_anything_is_sent(line: FakeLine, progress: RecordedProgress) -> None:
    replies = deliver(Desk().sign(), line, progress, MINUTE)
    assert [reply.outcome for reply in replies] == ["done", "done"]
    assert line.waits == [60.0]


def test_a_refusal_is_an_answer(progress: RecordedProgress) -> None:
    def refuse(host: str, bundle: bytes) -> list[UpdateEvent]:
        details = {"nonce": nonce_of(bundle), "outcome": "refused"}
        return [said(host, details, Code.REQUEST_POINTLESS)]

    replies = deliver(Desk().sign(), FakeLine(refuse), progress, MINUTE)
    assert [(reply.outcome, reply.code, reply.text) for reply in replies] == [
        ("refused", Code.REQUEST_POINTLESS, "so it is")
    ] * 2


def test_a_host_that_could_not_verify_names_the_message(progress: RecordedProgress) -> None:
    def refuse(host: str, bundle: bytes) -> list[UpdateEvent]:
        details = {"message": f"sha256:{hashlib.sha256(bundle).hexdigest()}", "outcome": "refused"}
        return [said(host, details, Code.SIGNATURE_IDENTITY)]

    replies = deliver(Desk().sign(), FakeLine(refuse), progress, MINUTE)
    assert {reply.code for reply in replies} == {Code.SIGNATURE_IDENTITY}


def test_words_about_something_else_are_no_answer(progress: RecordedProgress) -> None:
    def chatter(host: str, bundle: bytes) -> list[UpdateEvent]:
        other = "edge-2" if host == "edge-1" else "edge-1"
        right = {"nonce": nonce_of(bundle), "outcome": "done"}
        return [
            said(host, {"nonce": "another", "outcome": "done"}),
            said(host, {"outcome": "done"}),
            said(host, {}),
            said(other, right),
            said("edge-9", right),
            said(host, right, step=Step.SUCCEEDED),
        ]

    replies = deliver(Desk().sign(), FakeLine(chatter), progress, MINUTE)
    assert [reply.outcome for reply in replies] == ["unanswered", "unanswered"]


def test_what_was_sent_before_a_failure_is_said(progress: RecordedProgress) -> None:
    line = FakeLine(done, forbidden=frozenset({"edge-2"}))
    with pytest.raises(TidegateError, match="nobody may write to edge-2; sent before that, to edge-1"):
        deliver(Desk().sign(), line, progress, MINUTE)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("hold",), "--host"),
        (("dance", "--host", "a"), "dance"),
        (("hold", "--host", "a", "--product", "os"), "--channel"),
        (("hold", "--host", "a", "--digest", digest_of("a")), "--digest is for rollback"),
        (("rollback", "--host", "a"), "rollback needs --digest"),
        (("rollback", "--host", "a", "--digest", "latest"), "64 hexadecimal digits"),
        (("hold", *(word for number in range(65) for word in ("--host", f"h{number}"))), "64 at once"),
        (("hold", "--host", "a/b"), "host"),
        (("hold", "--host", "a", "--sequence", "41"), "--sequence is for reset"),
        (("reset", "--host", "a", "--sequence", "41"), "reset needs --product"),
        (("reset", "--host", "a", "--product", "os", "--channel", "stable"), "reset needs --product"),
        (("reset", "--host", "a", "--product", "os", "--channel", "stable", "--sequence", "0"), "1<=x"),
        (("hold", "--host", "a", "--wait", "soon"), "duration"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_usage_is_told_before_anything_is_done(words: tuple[str, ...], what: str) -> None:
    environment: dict[str, Any] = {"TIDEGATE_BROKER": None, "SIGSTORE_ID_TOKEN": None}
    ran = CliRunner().invoke(cli, ["request", *words], env=environment)
    assert ran.exit_code == 2
    assert what in ran.stderr


def test_the_signer_is_said() -> None:
    desk = Desk()
    desk.sign()
    assert f"signed by {RELEASER}" in desk.progress.notes
