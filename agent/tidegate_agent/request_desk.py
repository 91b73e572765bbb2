"""Where signed requests to this host are judged, carried out and answered.

One is verified at a time, on the worker that verifies statements, and only while no statement waits: whoever
floods a host with requests holds up requests. A request, its effect and its answer are one change on disk:
wherever the agent ends, the request is either still in the inbox or has had its effect, never both.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent import answering
from tidegate_agent.errors import JournalError, RefusedError
from tidegate_agent.model import Failure
from tidegate_agent.operations import failure_of
from tidegate_agent.records import Change, Decided
from tidegate_agent.refusals import TOLD, Refusals
from tidegate_agent.request_case import Case
from tidegate_agent.request_inbox import RequestInbox
from tidegate_agent.requests import judge
from tidegate_agent.second_hearing import SecondHearing
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.requests import HostRequest, parse_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_agent.model import Verdict
    from tidegate_agent.request_effects import RequestEffects
    from tidegate_agent.requests import RequestPolicy
    from tidegate_agent.surroundings import Surroundings


class RequestDesk:
    """`receive` is called on the bus's thread, all else on the engine's.

    Args:
        around: what it shares with others.
        policy: the host's bounds on requests.
        effects: what carries requests out.
        statements_wait: whether a channel's statement waits to be verified.
    """

    def __init__(
        self,
        around: Surroundings,
        policy: RequestPolicy,
        effects: RequestEffects,
        statements_wait: Callable[[], bool],
    ) -> None:
        self._around = around
        self._policy = policy
        self._effects = effects
        self._statements_wait = statements_wait
        self._inbox = RequestInbox(around)
        self._refusals = Refusals()
        self._second_hearing = SecondHearing(around, self._hear_again)
        self._untimely: deque[tuple[str, Code]] = deque(maxlen=TOLD)
        self._in_hand: str | None = None

    def begin(self) -> None:
        """Take up what was not decided when the agent ended. Raises JournalError."""
        self._inbox.recall()
        self._around.post(self.hear)

    def receive(self, payload: bytes) -> None:
        """A message came; anything may be in it. When this returns, the broker may forget it."""
        if self._inbox.put(payload):
            self._around.post(self.hear)

    def hear(self) -> None:
        """Have the next message verified, unless one is or statements wait. Asked after every call."""
        if self._in_hand is not None or self._statements_wait():
            return
        letter = self._inbox.take()
        if letter is None:
            return
        name, payload = letter
        self._in_hand = name

        def work() -> None:
            verdict = self._verdict(payload)
            self._around.post(lambda: self._finish(name, payload, verdict))

        self._around.verifying(work)

    def _verdict(self, payload: bytes) -> Verdict | TidegateError:
        try:
            return self._around.verifier.verify_request(payload)
        except TidegateError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever breaks, the message is refused (fail closed)
            return TidegateError(Code.VERIFY_FAILED, failure_of(error, Code.VERIFY_FAILED).reason)

    def _hear_again(self, name: str, payload: bytes) -> None:
        self._inbox.put_back(name, payload)
        self.hear()

    def _finish(self, name: str, payload: bytes, verdict: Verdict | TidegateError) -> None:
        if isinstance(verdict, TidegateError):
            failure = Failure(verdict.code, verdict.reason)
            if self._second_hearing.grant(name, payload, failure):
                self._in_hand = None
                return
        try:
            self._decide(name, verdict)
        except JournalError:
            # Nothing was written and nothing done: it stays in hand, and the engine tries all of it again.
            raise
        except Exception:
            self._in_hand = None
            raise
        self._in_hand = None
        self._second_hearing.over(name)
        self._inbox.decided(name)

    def _decide(self, name: str, verdict: Verdict | TidegateError) -> None:
        if isinstance(verdict, TidegateError):
            self._reject(name, Failure(verdict.code, verdict.reason))
            return
        details = {"signer": verdict.identity, "issuer": verdict.issuer}
        try:
            request = self._read(verdict)
        except TidegateError as error:
            self._reject(name, Failure(error.code, error.reason, details))
            return
        known = self._around.latest_known()
        now = max(known, verdict.signed_at_least or known)
        case = Case(name, request, verdict.identity, verdict.signed_at_least, now)
        try:
            judge(request, self._around.journal.ledger(), self._policy, now)
        except RefusedError as error:
            if error.code is Code.REQUEST_REPLAYED:
                self._reject(name, Failure(error.code, error.reason, details))
            else:
                self._refuse_untimely(case, Failure(error.code, error.reason))
            return
        self._effects.carry_out(case)

    def _read(self, verdict: Verdict) -> HostRequest:
        # The child has checked this; but what decides here is read here.
        if not verdict.enough:
            raise RefusedError(Code.SIGNATURE_THRESHOLD, "too few of the signers needed stand behind it")
        request = parse_request(verdict.payload)
        host = self._around.profile.facts.host
        if request.predicate.host != host:
            reason = f"the request is for the host {request.predicate.host}, and came to {host}"
            raise RefusedError(Code.REQUEST_OTHER_HOST, reason)
        return request

    def _refuse_untimely(self, case: Case, failure: Failure) -> None:
        """Answer once: anybody can send a genuine request in envelopes without end."""
        answer = case.request.predicate.nonce, failure.code
        if answer not in self._untimely and self._is_told(case.now):
            self._effects.refuse_untimely(case, failure)
            self._untimely.append(answer)
        elif self._inbox.on_disk(case.message):
            self._around.journal.commit(Change(None, decided=Decided(case.message)))

    def _reject(self, name: str, failure: Failure) -> None:
        now = self._around.latest_known()
        told = self._is_told(now)
        if told:
            logger.warning("a request was refused: [{}] {}", failure.code, failure.reason)
        elif not self._inbox.on_disk(name):
            return
        event = answering.refused_request_event(name, failure, self._around.profile, now)
        self._around.journal.commit(Change(None, events=(event,) if told else (), decided=Decided(name)))

    def _is_told(self, now: datetime) -> bool:
        told = self._refusals.count(now)
        if self._refusals.fell_quiet:
            logger.warning("more refused requests are only counted")
        return told
