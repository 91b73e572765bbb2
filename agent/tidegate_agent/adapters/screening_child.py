"""Rubbish told from the rest by a child that is kept for a moment: a flood costs few starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.adapters.child_process import ChildError
from tidegate_agent.adapters.kept_child import Keeping, UsedChildError
from tidegate_agent.adapters.verifier_child import genuine, no_verdict
from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.adapters import verify_messages
    from tidegate_agent.adapters.verifier_child import VerifyingChild


class ScreeningChild:
    """Asks a child that is kept for a moment, and believes it less the more it has read.

    What it says of the first message it reads counts, as a `VerifyingChild`'s word does. Of any later message
    it can only say that it is not genuine: what it calls genuine, or has no verdict about, a fresh child is
    asked about, which takes its place. So a child that a message took over brings nothing in but what that
    message could have brought in by itself.

    Args:
        child: what to start, and what to ask.
        keeping: how long a child is kept.
    """

    def __init__(self, child: VerifyingChild, keeping: Keeping | None = None) -> None:
        self._questions = child
        self._kept = child.kept(keeping or Keeping())

    def judge(self, about: verify_messages.Subject) -> verify_messages.Genuine:
        """See VerifyingChild.judge."""
        try:
            return genuine(self._answer(self._questions.question(about)))
        except ChildError as error:
            raise no_verdict(str(error)) from error

    def close(self) -> None:
        """End the child that is kept, if there is one."""
        self._kept.close()

    def _answer(self, question: bytes) -> bytes:
        try:
            reply = self._kept.ask(question)
        except UsedChildError:
            return self._kept.ask(question, fresh=True).body
        if reply.first or _is_refused(reply.body):
            return reply.body
        return self._kept.ask(question, fresh=True).body


def _is_refused(body: bytes) -> bool:
    try:
        genuine(body)
    except RefusedError as error:
        return error.code is not Code.VERIFY_FAILED
    return False
