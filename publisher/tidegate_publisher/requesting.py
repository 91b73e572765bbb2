"""The use case of requests to hosts: say what is asked, sign one for each host, send them, hear answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidegate_publisher.durations import format_duration
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step, UpdateEvent
from tidegate_schemas.requests import Action, HostRequest, RequestPredicate, host_digest
from tidegate_schemas.statement import Subject, first_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tidegate_publisher.ports import Clock, Progress, Signer
    from tidegate_publisher.request_ports import RequestLine, RequestVerifier


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of each of some hosts.

    Attributes:
        action: what to do.
        hosts: who, each once.
        target: product and channel; None is all that a host follows.
        digest: the image to return to, for a rollback.
        reason: why, for those who read status and events.
        validity: how long a host may act on it.
        sequence: what counts as the highest accepted of the target from then on, for a reset.
    """

    action: Action
    hosts: tuple[str, ...]
    target: tuple[str, str] | None = None
    digest: str | None = None
    reason: str = ""
    validity: timedelta = timedelta(hours=1)
    sequence: int | None = None

    @property
    def text(self) -> str:
        """In words for a person, without the hosts."""
        where = "all its channels" if self.target is None else "/".join(self.target)
        to = "" if self.digest is None else f" to {self.digest}"
        if self.sequence is not None:
            to = f" to sequence {self.sequence}"
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.action}{to}, {where}{why}; valid for {format_duration(self.validity)}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of the request to one host.

    `outcome` is `sent` when no answer was waited for, `unanswered`, or what the host says: `done`, `begun`,
    `refused`.
    """

    host: str
    nonce: str
    outcome: str
    text: str = ""
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed request, ready to be sent."""

    host: str
    nonce: str
    bundle: bytes

    def reply(self, event: UpdateEvent) -> Reply | None:
        """What an event says about this request; None when it is about something else."""
        details = event.data.details
        if event.data.step is not Step.ANSWERED or event.subject != self.host:
            return None
        # A host that could not verify the message does not know its nonce.
        message = f"sha256:{hashlib.sha256(self.bundle).hexdigest()}"
        if details.get("nonce") != self.nonce and details.get("message") != message:
            return None
        outcome = details.get("outcome", "unknown")
        return Reply(self.host, self.nonce, outcome, event.data.reason, event.data.code)


def compose(wish: Wish, host: str, *, nonce: str, now: datetime) -> HostRequest:
    """The request to one host.

    Args:
        wish: what is asked.
        host: of whom.
        nonce: what makes it unique: 128 random bits or more.
        now: the moment of issue. Its fractions stay: of a hold and a resume the later one counts.

    Raises:
        TidegateError: RELEASE_INVALID when the parts do not fit together.
    """
    product, channel = wish.target or (None, None)
    fields: dict[str, Any] = {
        "host": host,
        "action": wish.action,
        "product": product,
        "channel": channel,
        "sequence": wish.sequence,
        "nonce": nonce,
        "issued_at": now,
        "expires": now + wish.validity,
        "reason": wish.reason,
    }
    digest = wish.digest or host_digest(host)
    try:
        # in-toto leaves the name open; sigstore-python signs nothing without one.
        name = host if wish.digest is None else "image"
        subject = Subject(name=name, digest={"sha256": digest.removeprefix("sha256:")})
        return HostRequest(subject=(subject,), predicate=RequestPredicate(**fields))
    except ValidationError as error:
        raise TidegateError(Code.REQUEST_INVALID, f"The request: {first_fault(error)}") from error


class RequestDesk:
    """Signs requests, and verifies the outcome as hosts do."""

    def __init__(
        self,
        signer: Signer,
        verifier: RequestVerifier,
        clock: Clock,
        progress: Progress,
        nonce: Callable[[], str],
    ) -> None:
        self._signer = signer
        self._verifier = verifier
        self._clock = clock
        self._progress = progress
        self._nonce = nonce

    def sign(self, wish: Wish) -> list[Sealed]:
        """Say what will be asked of whom, then sign it, once for each host. Nothing is sent.

        Raises:
            TidegateError: IDENTITY_UNAVAILABLE, SIGN_FAILED, ANNOUNCE_UNVERIFIED, REQUEST_INVALID,
                STATEMENT_OVERSIZE.
        """
        for host in wish.hosts:
            self._progress.note(f"{host} will be asked to: {wish.text}")
        return [self._sign(wish, host) for host in wish.hosts]

    def _sign(self, wish: Wish, host: str) -> Sealed:
        request = compose(wish, host, nonce=self._nonce(), now=self._clock.now())
        with self._progress.phase(f"signing the request to {host}"):
            bundle = self._signer.sign(request.to_json())
        if len(bundle) > limits.STATEMENT_BYTES:
            reason = f"The signed request has {len(bundle)} bytes; hosts read {limits.STATEMENT_BYTES}"
            raise TidegateError(Code.STATEMENT_OVERSIZE, reason)
        try:
            verified = self._verifier.verify(bundle, host)
        except TidegateError as error:
            reason = f"What was just signed does not verify: {error.reason} ({error.code})"
            raise TidegateError(Code.ANNOUNCE_UNVERIFIED, reason) from error
        if verified.request != request:
            reason = "What was just signed does not say what was to be signed"
            raise TidegateError(Code.ANNOUNCE_UNVERIFIED, reason)
        self._progress.note(f"signed by {' and '.join(map(str, verified.signers))}")
        return Sealed(host, request.predicate.nonce, bundle)


def deliver(
    sealed: Iterable[Sealed], line: RequestLine, progress: Progress, wait: timedelta | None
) -> list[Reply]:
    """Send signed requests; wait for the hosts' answers, if asked to.

    Raises:
        TidegateError: BUS_*, ANNOUNCE_TIMEOUT. The message says to whom requests had gone before.
    """
    requests = list(sealed)
    hosts = [one.host for one in requests]
    answers = iter(()) if wait is None else line.answers(hosts, wait.total_seconds())
    replies: dict[str, Reply] = {}
    for one in requests:
        try:
            line.send(one.host, one.bundle)
        except TidegateError as error:
            gone = f"; sent before that, to {', '.join(replies)}" if replies else ""
            raise TidegateError(error.code, f"{error.reason}{gone}") from error
        replies[one.host] = Reply(one.host, one.nonce, "sent")
    if wait is not None:
        replies = {host: replace(reply, outcome="unanswered") for host, reply in replies.items()}
        with progress.phase("waiting for answers"):
            _hear(answers, requests, replies)
    return list(replies.values())


def _hear(answers: Iterable[UpdateEvent], requests: list[Sealed], replies: dict[str, Reply]) -> None:
    open_ = {one.host: one for one in requests}
    for event in answers:
        one = open_.get(event.subject)
        reply = None if one is None else one.reply(event)
        if reply is not None:
            replies[reply.host] = reply
            del open_[reply.host]
        if not open_:
            return
