"""What requests to this host do: one change on disk with the answer, then what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent import answering
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Failure
from tidegate_agent.orders import Orders
from tidegate_agent.records import Answered, Change, Decided, Hold
from tidegate_agent.requests import Answer, supersedes
from tidegate_agent.resets import reset_to, told
from tidegate_schemas.codes import Code
from tidegate_schemas.requests import Action, HostRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_agent.admission import Memory
    from tidegate_agent.follower import Follower
    from tidegate_agent.model import Follow
    from tidegate_agent.request_case import Case
    from tidegate_agent.surroundings import Surroundings


class RequestEffects:
    """Carries requests out. Runs on the engine's thread.

    Args:
        around: what it shares with others.
        followers: one for each follow of the host.
        ask_broker: has what is retained sent again.
        tell_all: has the host's whole status published again.
    """

    def __init__(
        self,
        around: Surroundings,
        followers: Sequence[Follower],
        ask_broker: Callable[[], None],
        tell_all: Callable[[], None],
    ) -> None:
        self._around = around
        self._followers = tuple(followers)
        self._ask_broker = ask_broker
        self._tell_all = tell_all

    def carry_out(self, case: Case) -> None:
        """Do what a request asks for, or say why not.

        Raises:
            JournalError: the disk did not take it; nothing was done.
        """
        action = case.request.predicate.action
        targets = [each for each in self._followers if _concerns(case.request, each.follow)]
        if not targets:
            predicate = case.request.predicate
            self._refuse(
                case, _pointless(f"this host does not follow {predicate.product}/{predicate.channel}")
            )
        elif action is Action.ROLLBACK:
            self._roll_back(case, targets)
        elif action is Action.RESET:
            self._reset(case, targets[0])
        elif action is Action.RECHECK:
            self._recheck(case, targets)
        elif action is Action.INVENTORY:
            self._commit(case, Answer(case.request, case.signer, "done", "the status is published anew"))
            self._tell_all()
        else:
            self._hold(case, targets, held=action is Action.HOLD)

    def refuse_untimely(self, case: Case, failure: Failure) -> None:
        """Answer a request whose time is wrong, or that cannot be remembered.

        It does not count as used: one from the future would have to be remembered until then.
        """
        answer = Answer(case.request, case.signer, "refused", failure=failure, told=failure.code)
        self._commit(case, answer, spent=False)

    def _recheck(self, case: Case, targets: Sequence[Follower]) -> None:
        self._commit(case, Answer(case.request, case.signer, "done", "what is announced is judged anew"))
        for each in targets:
            # Calls of their own, here and below: if one fails, the request itself is done all the same.
            self._around.post(Orders(each).look_again)
        self._around.post(self._ask_broker)

    def _hold(self, case: Case, targets: Sequence[Follower], *, held: bool) -> None:
        predicate, journal = case.request.predicate, self._around.journal
        ours = [each for each in targets if supersedes(case.request, journal.hold(each.follow))]
        if not ours:
            reason = "a hold or resume that was signed later has been accepted before"
            self._refuse(case, Failure(Code.REQUEST_OVERTAKEN, reason))
            return
        hold = Hold(held, case.signer, case.why, predicate.issued_at)
        names = ", ".join(each.follow.key for each in ours)
        answer = Answer(
            case.request, case.signer, "done", f"{'held' if held else 'not held any more'}: {names}"
        )
        self._commit(case, answer, holds=tuple((each.follow, hold) for each in ours))
        for each in ours:
            self._around.post(each.wake)

    def _roll_back(self, case: Case, targets: Sequence[Follower]) -> None:
        found = [each for each in targets if each.image.previous == case.request.digest]
        if len(found) != 1:
            whose = "several follows have" if found else "no follow has"
            self._refuse(case, _pointless(f"{whose} {case.request.digest} as previous image"))
            return
        follower = found[0]
        cause = Failure(Code.ROLLBACK_REQUESTED, case.who)
        answer = Answer(case.request, case.signer, "begun", f"{follower.follow.key} goes back")
        try:
            possible = Orders(follower).roll_back(cause, self._answered(case, answer))
        except RefusedError as error:
            self._refuse(case, Failure(error.code, error.reason))
            return
        if possible:
            _log(answer)
        else:
            self._refuse(case, _pointless(f"an update of {follower.follow.key} is in progress"))

    def _reset(self, case: Case, follower: Follower) -> None:
        before = follower.memory
        try:
            after = reset_to(case.request.predicate, before, case.now)
        except RefusedError as error:
            self._refuse(case, Failure(error.code, error.reason))
            return
        text, details = f"{follower.follow.key}: {told(before, after)}", _steps(before, after)
        answer = Answer(case.request, case.signer, "done", text, details=details)
        cause = Failure(Code.UPDATE_RESET, case.who)
        if not Orders(follower).reset(after, cause, self._answered(case, answer)):
            self._refuse(case, _pointless(f"an update of {follower.follow.key} is past activation"))
            return
        _log(answer)
        self._around.post(self._ask_broker)

    def _refuse(self, case: Case, failure: Failure) -> None:
        self._commit(case, Answer(case.request, case.signer, "refused", failure=failure))

    def _commit(
        self, case: Case, answer: Answer, *, holds: tuple[tuple[Follow, Hold], ...] = (), spent: bool = True
    ) -> None:
        answered = self._answered(case, answer)
        change = Change(
            None,
            clock_floor=answered.clock_floor,
            events=(answered.event,),
            holds=holds,
            decided=answered.decided if spent else Decided(case.message),
        )
        self._around.journal.commit(change)
        _log(answer)

    def _answered(self, case: Case, answer: Answer) -> Answered:
        event = answering.answer_event(answer, self._around.profile, case.now)
        return Answered(Decided(case.message, case.spent), event, case.clock_floor)


def _concerns(request: HostRequest, follow: Follow) -> bool:
    predicate = request.predicate
    return predicate.product is None or (predicate.product, predicate.channel) == (
        follow.product,
        follow.channel,
    )


def _steps(before: Memory, after: Memory) -> dict[str, str]:
    return {"from": str(before.sequence), "to": str(after.sequence)}


def _pointless(reason: str) -> Failure:
    return Failure(Code.REQUEST_POINTLESS, reason)


def _log(answer: Answer) -> None:
    failure, action = answer.failure, answer.request.predicate.action
    what = answer.text if failure is None else f"[{failure.code}] {failure.reason}"
    logger.info("{} asked for {}: {}: {}", answer.signer, action, answer.outcome, what)
